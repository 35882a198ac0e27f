/** Says a line on standard error, so that what a command prints can be piped on. */
export const say = (line: string): void => console.error(line);

/** Says a line if something takes longer than two seconds. */
export const sayIfSlow = async <Result>(line: string, work: Promise<Result>): Promise<Result> => {
  const timer = setTimeout(() => say(line), 2_000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
};
