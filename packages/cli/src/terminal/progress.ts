import type { Output } from "./output.js";

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

/** Shows how far a long task is. */
export interface Progress {
  say(line: string): void;
  /** Keeps the last line. */
  end(): void;
}

const everyMs = 2_000;

/** Prints at most a line every two seconds, the first after two. On a terminal each line replaces the one before. */
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
