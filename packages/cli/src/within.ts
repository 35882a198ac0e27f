/** Waits for `work`, but throws what `late` makes when it takes longer than this. */
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
