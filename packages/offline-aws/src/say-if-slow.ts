/** Says `line` if `work` takes longer than two seconds. Resolves and rejects as `work` does. */
export const sayIfSlow = async <Result>(
  say: ((line: string) => void) | undefined,
  line: string,
  work: Promise<Result>,
): Promise<Result> => {
  const timer = setTimeout(() => say?.(line), 2_000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
};
