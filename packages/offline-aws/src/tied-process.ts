import { type ChildProcess, spawn } from "node:child_process";

/**
 * Leads a group with the program in it. Its standard input is a pipe from the parent, whose end says that the parent is
 * gone, however it went: then the whole group ends.
 */
const script = `
exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
{ while read -r line <&3; do :; done; kill -KILL 0; } &
watcher=$!
wait "$program"
code=$?
kill -KILL "$watcher"
exit "$code"
`;

/** What a shell says of a program that is not there. */
export const notFoundCode = 127;

export interface TiedProcess {
  /** The shell around the program: it ends with the program's exit code. Its pid is that of the group. */
  readonly child: ChildProcess;
  /** Ends the program, and all that it has started, at once. */
  end(): void;
}

/** Starts a program in a process group of its own, which neither a Ctrl-C at the terminal reaches nor this process's end leaves behind. */
export const startTied = (
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly stdout: "pipe" | "ignore" },
): TiedProcess => {
  const { cwd, env, stdout } = options;
  const child = spawn("/bin/sh", ["-c", script, "sh", command, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdio: ["pipe", stdout, "pipe"],
    detached: true,
  });
  // A group that has ended reads no more.
  child.stdin?.on("error", () => undefined);
  return { child, end: () => void child.stdin?.end() };
};
