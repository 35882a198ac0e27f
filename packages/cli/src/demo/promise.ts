import { Refused } from "../client.js";

/** What one promise of the service came to. */
export interface Kept {
  readonly promise: string;
  readonly kept: boolean;
  readonly tookMs: number;
  /** What was seen, in words; of a broken promise, what went wrong. */
  readonly seen: string;
}

/** A promise was broken: nothing that builds on it can be shown any more. */
export class Broken extends Error {
  override readonly name = "Broken";
  readonly promise: string;
  readonly why: string;

  constructor(promise: string, why: string) {
    super(`Broken promise: ${promise}: ${why}.`);
    this.promise = promise;
    this.why = why;
  }
}

/** Something else was seen than what was promised. */
export class Unexpected extends Error {
  override readonly name = "Unexpected";
}

export interface Promises {
  readonly all: readonly Kept[];
  /**
   * Waits for what was promised, and writes down what came of it. The waits in it have their limits.
   * @param seen what was seen, in words; `""` when there is no more to say than that it was kept
   * @throws {Broken}
   */
  keep<Result>(
    promise: string,
    work: () => Promise<Result>,
    seen?: (result: Result) => string,
  ): Promise<Result>;
}

export const createPromises = (): Promises => {
  const all: Kept[] = [];
  return {
    all,
    keep: async (promise, work, seen = () => "") => {
      const begun = performance.now();
      const took = () => performance.now() - begun;
      try {
        const result = await work();
        all.push({ promise, kept: true, tookMs: took(), seen: seen(result) });
        return result;
      } catch (error) {
        const why = reason(error);
        all.push({ promise, kept: false, tookMs: took(), seen: why });
        throw new Broken(promise, why);
      }
    },
  };
};

const reason = (error: unknown): string => {
  if (error instanceof Refused) {
    // The usual cause: the stack on the default port was started from another folder, with a key of its own.
    const cause =
      error.status === 401
        ? ", since the token is not of its user pool; a local stack takes its own checkout's"
        : "";
    return `the handshake was refused with ${error.status}${cause}`;
  }
  if (!(error instanceof Error)) return String(error);
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
};
