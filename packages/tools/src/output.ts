import { createColors } from "picocolors";

/** Where a command's lines go: a terminal, a file, nowhere. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Colours on a terminal, unless NO_COLOR asks for none. */
export const colorsFor = ({ isTTY }: Output): ReturnType<typeof createColors> =>
  createColors(isTTY === true && !process.env.NO_COLOR);
