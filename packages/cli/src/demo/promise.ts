import { Trouble } from "../visitor.js";

/** The result of one promise. */
export interface Kept {
  readonly promise: string;
  readonly kept: boolean;
  readonly tookMs: number;
  /** In words: what was seen, or what went wrong. */
  readonly seen: string;
}

/** A promise was broken, so nothing that builds on it can be shown. */
export class Broken extends Error {
  override readonly name = "Broken";

  constructor(promise: string, why: string) {
    super(`Broken promise: ${promise}: ${why}.`);
  }
}

/** Most often the stack on the default port was started in another folder, which has another key. */
const foreignToken = ", since the token is not of its user pool; a local stack takes its own checkout's";

const asSeen = (result: unknown): string => (typeof result === "string" ? result : "");

export const createPromises = () => {
  const all: Kept[] = [];
  return {
    all,
    /**
     * Waits for what was promised, and records the result. The waits in `work` have their limits.
     * @param seen what was seen, in words. Default: the result if it is a text
     * @throws {Broken}
     */
    keep: async <Result>(
      promise: string,
      work: () => Promise<Result>,
      seen: (result: Result) => string = asSeen,
    ): Promise<Result> => {
      const begun = performance.now();
      const record = (kept: boolean, text: string) =>
        all.push({ promise, kept, tookMs: performance.now() - begun, seen: text });
      try {
        const result = await work();
        record(true, seen(result));
        return result;
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        const why = `${error.message}${error.sign === "401" ? foreignToken : ""}`;
        record(false, why);
        throw new Broken(promise, why);
      }
    },
  };
};
