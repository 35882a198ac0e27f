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
