import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import path from "node:path";
import { UserError } from "offline-aws";

/**
 * Runs the CLI of SST that the project has installed, on this terminal; resolves to its exit code. Its wrapper script is
 * left out: that dies of a signal without passing it on, and ends with 1 whatever the CLI ends with.
 */
export const runSst = async (root: string, args: readonly string[]): Promise<number> => {
  const child = spawn(binaryIn(root), args, {
    cwd: root,
    stdio: "inherit",
    // It would tell its makers of every command, and of errors with their messages.
    env: { ...process.env, SST_TELEMETRY_DISABLED: process.env.SST_TELEMETRY_DISABLED ?? "1" },
  });
  // A terminal's Ctrl-C reaches SST by itself, and a second one is its word for stopping half-way.
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

/** As SST's own wrapper finds it. */
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
