/** The lifetime of one command. What the command has opened is closed at its end, also after Ctrl-C. */
export interface Scope {
  /** Calls `end` when the command ends. The last one added is called first. */
  defer(end: () => unknown): void;
  /** Waits for `work`, but throws as soon as the command is interrupted. */
  unlessInterrupted<Result>(work: Promise<Result>): Promise<Result>;
}

/** The exit code that shells show for a command that Ctrl-C ended. */
const interruptedCode = 130;

/**
 * Runs a command's work. On Ctrl-C, when the terminal closes, and when nobody reads the output any more, everything is
 * closed and the exit code is 130. A second Ctrl-C does not wait.
 */
export const scoped = async (work: (scope: Scope) => Promise<void>): Promise<void> => {
  const ends: (() => unknown)[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  // Nobody may be waiting at that moment.
  interrupted.catch(() => undefined);
  const end = () => controller.abort();
  const endOrExit = () => {
    if (signal.aborted) process.exit(interruptedCode);
    end();
  };
  process.on("SIGINT", endOrExit);
  process.on("SIGTERM", endOrExit);
  // A terminal that closes may send this twice, and its streams fail.
  process.on("SIGHUP", end);
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.on("error", end);
  try {
    await work({
      defer: (end) => ends.push(end),
      unlessInterrupted: (result) => Promise.race([result, interrupted]),
    });
  } catch (error) {
    // Ctrl-C reaches child processes too: what fails because of it is not reported.
    if (!signal.aborted) throw error;
    console.error("Interrupted: closing what runs. Another Ctrl-C does not wait for that.");
  } finally {
    for (const end of ends.reverse()) await end();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, endOrExit);
    process.off("SIGHUP", end);
    for (const stream of streams) stream.off("error", end);
    // The interrupted work may still wait for something.
    if (signal.aborted) process.exit(interruptedCode);
  }
};
