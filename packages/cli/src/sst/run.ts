import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import path from "node:path";
import { UserError } from "offline-aws";

/**
 * Runs the project's SST on this terminal; resolves to its exit code. SST's wrapper script is left out: it dies of a signal
 * without passing it on, and always exits with 1 when the CLI fails.
 */
export const runSst = async (root: string, args: readonly string[]): Promise<number> => {
  const child = spawn(binaryIn(root), args, {
    cwd: root,
    stdio: "inherit",
    // Otherwise SST reports every command to its makers, and errors with their messages.
    env: { ...process.env, SST_TELEMETRY_DISABLED: process.env.SST_TELEMETRY_DISABLED ?? "1" },
  });
  // On a terminal Ctrl-C reaches SST by itself, and a second one would make it stop half-way.
  const isTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const pass = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !isTerminal) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
};

/** Finds SST's binary as its wrapper does. */
const binaryIn = (root: string): string => {
  const { platform, arch } = process;
  const name = `sst-${platform}-${arch}/bin/sst${platform === "win32" ? ".exe" : ""}`;
  try {
    return (
      process.env.SST_BIN_PATH ||
      createRequire(path.join(root, "node_modules/sst/package.json")).resolve(name)
    );
  } catch {
    throw new UserError("SST is not installed, or not for this machine: run npm ci here.");
  }
};
