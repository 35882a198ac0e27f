import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { hasCode } from "./user-error.js";

/**
 * Runs the program in this shell's process group. The shell's standard input is a pipe from the parent: the pipe closes
 * when the parent exits, even by SIGKILL, and then the shell kills its group.
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

/** The exit code of a shell that does not find the program. */
export const notFoundCode = 127;

export interface Child {
  /** The shell around the program; it exits with the program's code. Its pid is its process group's. */
  readonly process: ChildProcess;
  /** Kills the program and everything that it started. */
  end(): void;
}

/**
 * Starts a program that exits when this process does, however this process exits: Node and execa kill children only on a
 * clean exit. The program has its own process group, so a Ctrl-C at the terminal does not reach it.
 */
export const startChild = (
  command: string,
  args: readonly string[],
  {
    cwd,
    env,
    stdout,
  }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly stdout: "pipe" | "ignore" },
): Child => {
  const child = spawn("/bin/sh", ["-c", script, "sh", command, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdio: ["pipe", stdout, "pipe"],
    detached: true,
  });
  // Ending a group that has exited closes a broken pipe.
  child.stdin?.on("error", () => undefined);
  return { process: child, end: () => void child.stdin?.end() };
};

/**
 * Calls `end` once, within a second after the process that started this one has exited, however it exited. npm runs a
 * script in a shell, which outlives npm: so if the parent is such a shell, the shell's parent counts too.
 */
export const onOrphaned = (end: () => void): void => {
  const parent = process.ppid;
  const shell = scriptShell(parent);
  const parents = shell ? [parent, shell.parent] : [parent];
  const timer = setInterval(() => {
    if (process.ppid === parent && parents.every(isRunning)) return;
    clearInterval(timer);
    end();
  }, 500);
  timer.unref();
};

/** A process's parent, if the process is a shell that runs a script given to it as text. */
const scriptShell = (pid: number): { readonly parent: number } | undefined => {
  const [, parent] = /^\s*(\d+) \S*sh -c /.exec(parentAndCommand(pid)) ?? [];
  return parent === undefined ? undefined : { parent: Number(parent) };
};

/** As `ps` prints them. A small Linux image has no `ps`, and only Linux has /proc. */
const parentAndCommand = (pid: number): string => {
  if (process.platform !== "linux") {
    return spawnSync("ps", ["-o", "ppid=,args=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
  }
  try {
    const [, parent] = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return `${parent} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`;
  } catch {
    // It has exited.
    return "";
  }
};

/** Removes entries of a folder whose process no longer runs; `pattern` captures the pid in an entry's name. */
export const removeStale = async (folder: string, pattern: RegExp): Promise<void> => {
  for (const name of await readdir(folder)) {
    const [, pid] = pattern.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(path.join(folder, name), { recursive: true, force: true });
  }
};

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, under another user.
    return hasCode(error, "EPERM");
  }
};
