/** The lifetime of one command: what it has opened is closed at its end, a Ctrl-C in the middle included. */
export interface Scope {
  /** Has `end` called when the command is over; the last one first. */
  defer(end: () => unknown): void;
  /** Throws as soon as the command is interrupted, however long `work` would still take. */
  unlessInterrupted<Result>(work: Promise<Result>): Promise<Result>;
}

class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** What a shell shows for a command that Ctrl-C ended. */
const interruptedCode = 130;

/**
 * Runs a command's work. On Ctrl-C, when the terminal closes, and once nobody reads what is printed, everything is closed and
 * the exit code is 130; a second Ctrl-C does not wait.
 */
export const scoped = async (work: (scope: Scope) => Promise<void>): Promise<void> => {
  const ends: (() => unknown)[] = [];
  let interrupt: (error: Interrupted) => void = () => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject;
  });
  // Nobody may be waiting just then.
  interrupted.catch(() => undefined);
  let asked = false;
  const end = () => {
    asked = true;
    interrupt(new Interrupted());
  };
  const onSignal = () => {
    if (asked) process.exit(interruptedCode);
    end();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // A terminal that closes may say so twice, and takes what is printed with it.
  process.on("SIGHUP", end);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", end);
  try {
    await work({
      defer: (end) => ends.push(end),
      unlessInterrupted: (result) => Promise.race([result, interrupted]),
    });
  } catch (error) {
    // A Ctrl-C reaches child processes too: what fails for that reason is no news.
    if (!asked) throw error;
    console.error("Interrupted: ending what runs; another Ctrl-C does not wait for it.");
  } finally {
    for (const end of ends.reverse()) await end();
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    process.off("SIGHUP", end);
    for (const stream of [process.stdout, process.stderr]) stream.off("error", end);
    // What was under way may still wait for something.
    if (asked) process.exit(interruptedCode);
  }
};
