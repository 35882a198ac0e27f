import { setTimeout as pause } from "node:timers/promises";

/** Waits for `work` for at most `ms`, then throws the error that `late` makes. */
export const within = async <Result>(
  ms: number,
  late: () => Error,
  work: Promise<Result>,
): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
};

/** The error of a wait that ran out. */
export const notCome = (what: string) => (): Error => new Error(`${what} had not come in time`);

const lookAgainMs = 200;

/** Asks again until the answer is yes or the time (ms) is over; resolves to whether it was yes. */
export const eventually = async (limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> => {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await isSo()) return true;
    if (performance.now() >= deadline) return false;
    await pause(lookAgainMs);
  }
};
