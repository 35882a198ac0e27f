import { Trouble } from "../visitor.js";

/** The result of one promise. */
export interface Kept {
  readonly promise: string;
  readonly kept: boolean;
  readonly tookMs: number;
  /** In words: what was seen, or what went wrong. */
  readonly seen: string;
}

/** A promise was broken: nothing that builds on it can be shown. */
export class Broken extends Error {
  override readonly name = "Broken";

  constructor(promise: string, why: string) {
    super(`Broken promise: ${promise}: ${why}.`);
  }
}

export interface Promises {
  readonly all: readonly Kept[];
  /**
   * Waits for what was promised, and records the result. The waits in `work` have their limits.
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
      const record = (kept: boolean, text: string) =>
        all.push({ promise, kept, tookMs: performance.now() - begun, seen: text });
      try {
        const result = await work();
        record(true, seen(result));
        return result;
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        // Most often the stack on the default port was started in another folder, which has another key.
        const cause =
          error.sign === "401"
            ? ", since the token is not of its user pool; a local stack takes its own checkout's"
            : "";
        record(false, `${error.message}${cause}`);
        throw new Broken(promise, `${error.message}${cause}`);
      }
    },
  };
};
