import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** The project that this package is part of. */
export const projectRoot = path.resolve(import.meta.dirname, "../../..");

const bin = path.resolve(import.meta.dirname, "../bin/offline-aws.mjs");

export interface Tool {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first whole line on standard output. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
  /** In a process group of its own, as a terminal makes one. */
  readonly group?: boolean;
}

/** Starts the tool's real binary; whoever starts it ends it. */
export const startTool = (
  args: readonly string[],
  { cwd = projectRoot, env = {}, nodeArgs = [], group = false }: ToolOptions = {},
): Tool => {
  const { FORCE_COLOR, NO_COLOR, ...inherited } = process.env;
  const child = spawn(process.execPath, [...nodeArgs, bin, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: group,
  });
  const output = { stdout: "", stderr: "" };
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
      const end = output.stdout.indexOf("\n");
      if (end >= 0) resolve(output.stdout.slice(0, end));
    });
    child.on("close", () => reject(new Error(`It ended without a line: ${output.stderr}`)));
  });
  firstLine.catch(() => undefined);
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, firstLine, ended };
};

/** Runs the tool's real binary to its end. */
export const runTool = (args: readonly string[], options: ToolOptions = {}) => {
  const tool = startTool(args, options);
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  return tool.ended;
};

/** An empty folder, gone after the test. */
export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "offline-aws-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** A project of its own with these files, on this one's installed packages and, unless told otherwise, its platform. */
export const temporaryProject = async (
  files: Record<string, string>,
  { platform = true }: { readonly platform?: boolean } = {},
): Promise<string> => {
  const root = await temporaryFolder();
  await symlink(path.join(projectRoot, "node_modules"), path.join(root, "node_modules"));
  if (platform) {
    await mkdir(path.join(root, ".sst"));
    await symlink(path.join(projectRoot, ".sst/platform"), path.join(root, ".sst/platform"));
  }
  for (const [file, text] of Object.entries({ "package.json": '{"name":"fixture"}', ...files })) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  return root;
};

/** A program that runs this body. */
export const program = (body: string): string => `
export default $config({
  app: () => ({ name: "fixture", home: "aws", providers: { aws: { version: "6.66.2" } } }),
  async run() {
    ${body}
  },
});
`;

/** A port that something listens on until the test is over. */
export const takenPort = async (): Promise<number> => {
  const { port, close } = await listen(0);
  onTestFinished(close);
  return port;
};

/** A free port, the next after which is taken until the test is over. */
export const portBeforeTaken = async (): Promise<number> => {
  const next = await takenPort();
  const free = await listen(next - 1).catch(() => undefined);
  if (!free) return portBeforeTaken();
  await free.close();
  return next - 1;
};

const listen = async (wanted: number) => {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
};

/** A process's state as `ps` shows it; undefined when it has exited, even if its parent has not collected it yet. */
export const stateOf = (pid: number): string | undefined =>
  processes().find((each) => each.pid === pid)?.state;

/** The processes of this machine that have not exited. */
export const processes = () =>
  execFileSync("ps", ["-eo", "pid=,pgid=,stat=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.match(/^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/))
    .flatMap((found) => (found && !found[3]?.startsWith("Z") ? [found] : []))
    .map(([, pid, group, state, args]) => ({ pid: Number(pid), group: Number(group), state, args }));
