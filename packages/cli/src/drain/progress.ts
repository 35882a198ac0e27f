import type { Output } from "../terminal/output.js";

/** A line that tells how far something is. */
export interface Progress {
  say(line: string): void;
  /** Leaves the last line standing. */
  end(): void;
}

const everyMs = 2_000;

/** At most a line every two seconds, the first after two; on a terminal each takes the place of the one before. */
export const createProgress = (output: Output, now: () => number = () => performance.now()): Progress => {
  let due = now() + everyMs;
  let isOpen = false;
  return {
    say: (line) => {
      if (now() < due) return;
      due = now() + everyMs;
      isOpen = output.isTTY === true;
      output.write(isOpen ? `\r${line}\x1b[K` : `${line}\n`);
    },
    end: () => {
      if (isOpen) output.write("\n");
      isOpen = false;
    },
  };
};
