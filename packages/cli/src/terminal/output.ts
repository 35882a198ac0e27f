import { createColors } from "picocolors";

/** Where a command's lines go: a terminal, a file, nowhere. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Colours on a terminal that has them, unless NO_COLOR asks for none. */
export const colorsFor = ({ isTTY }: Pick<Output, "isTTY">): ReturnType<typeof createColors> =>
  createColors(isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb");
