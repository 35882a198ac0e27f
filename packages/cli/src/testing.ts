import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { vi } from "vitest";
import { main } from "./main.js";

export const root = path.resolve(import.meta.dirname, "../../..");

const bin = path.resolve(import.meta.dirname, "../bin/lectern.mjs");

/** The exit code and the output of a command. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  /** Undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts the real command: `start(["verify", "--json"])`. */
export const start = (args: readonly string[], { cwd = root, env = {} }: Surroundings = {}): ChildProcess => {
  const { FORCE_COLOR, NO_COLOR, LECTERN_PASSWORD, ...inherited } = process.env;
  return spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
};

/** Resolves when a process has exited and its output is read. */
export const ended = async (child: ChildProcess): Promise<Ended> => {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk) => {
      output[name] += String(chunk);
    });
  }
  const [code] = await once(child, "close");
  return { code, ...output };
};

/** Runs a command in this process: a new one takes most of a second. */
export const run = async (
  args: readonly string[],
  { env = {} }: Pick<Surroundings, "env"> = {},
): Promise<Ended> => {
  const output = { stdout: "", stderr: "" };
  const printed = (name: keyof typeof output) => (text: unknown) => {
    output[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(console, "log").mockImplementation((text) => void printed("stdout")(`${text}\n`)),
    vi.spyOn(console, "error").mockImplementation((text) => void printed("stderr")(`${text}\n`)),
    vi.spyOn(process.stdout, "write").mockImplementation(printed("stdout")),
    vi.spyOn(process.stderr, "write").mockImplementation(printed("stderr")),
  ];
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await main(args);
    return { code: Number(process.exitCode ?? 0), ...output };
  } finally {
    process.exitCode = before;
    vi.unstubAllEnvs();
    for (const spy of spies) spy.mockRestore();
  }
};
