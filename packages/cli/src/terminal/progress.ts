/** Prints a line if something takes longer than two seconds. */
export const sayIfSlow = async <Result>(
  say: (line: string) => void,
  line: string,
  work: Promise<Result>,
): Promise<Result> => {
  const timer = setTimeout(() => say(line), 2_000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
};
