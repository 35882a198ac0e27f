import type { Output } from "offline-aws/terminal";

const everyMs = 2_000;

/**
 * Shows the progress of a long task: at most one line every two seconds, the first after two. On a terminal each line
 * replaces the one before.
 */
export const createProgress = (output: Output, now: () => number = () => performance.now()) => {
  let due = now() + everyMs;
  let isOpen = false;
  return {
    say: (line: string): void => {
      if (now() < due) return;
      due = now() + everyMs;
      isOpen = output.isTTY === true;
      output.write(isOpen ? `\r${line}\x1b[K` : `${line}\n`);
    },
    /** Keeps the last line. */
    end: (): void => {
      if (isOpen) output.write("\n");
      isOpen = false;
    },
  };
};
