import { createColors } from "picocolors";

/** Where lines go: a terminal, a file, a test. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Colours on a terminal that has them, unless NO_COLOR is set. */
export const colorsFor = ({ isTTY }: Pick<Output, "isTTY">): ReturnType<typeof createColors> =>
  createColors(isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb");

/** Writes a line of progress to standard error; standard output is for a command's result. */
export const say = (line: string): void => console.error(line);
