import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import * as v from "valibot";
import { type Lock, takeLock } from "../lock.js";
import { processOf } from "../process-id.js";
import { startTied, type TiedProcess } from "../tied-process.js";
import { UserError } from "../user-error.js";

/** The engine version that `sst install` looks for beside its own binary; the stub that stands in for it says the same. */
const pulumiVersion = "v3.210.0";

export const platformDir = (root: string): string => path.join(root, ".sst/platform");

/**
 * Puts SST's component sources, types and providers into `.sst/platform`, unless they are there in the version that the
 * project has installed. The CLI insists on the Pulumi engine, which evaluating a program does not need and which comes
 * from elsewhere than npm; a stub that says its version takes its place, in a home of its own, so that a real `sst deploy`
 * later fetches the real one.
 *
 * Of several commands that find it missing, one fetches it and the others wait.
 * @throws {UserError} when the sources cannot be fetched
 * @throws the signal's reason when it is aborted
 */
export const ensurePlatform = async (
  root: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> => {
  const wanted = await installedVersion(root);
  if (await isComplete(root, wanted)) return;
  await mkdir(path.join(root, ".sst"), { recursive: true });
  const lock = await takeLock(path.join(root, ".sst/platform.lock"), {
    onWait: () => say("Another command is fetching SST's platform: waiting for it"),
    signal,
  });
  try {
    if (!(await isComplete(root, wanted))) await fetchPlatform(root, { say, signal, lock });
  } finally {
    await lock.release();
  }
};

interface Fetch {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  readonly lock: Lock;
}

const fetchPlatform = async (root: string, { say, signal, lock }: Fetch): Promise<void> => {
  say("Fetching SST's platform into .sst/platform: about 300 MB, once, half a minute or so");
  await removePlatform(root);
  const home = path.join(root, ".sst/offline-home");
  await writeEngineStub(home);
  const started = Date.now();
  const progress = setInterval(
    () => say(`Still fetching SST's platform: ${Math.round((Date.now() - started) / 1000)} s`),
    10_000,
  );
  const installer = startInstaller(root, home);
  const abort = () => installer.end();
  signal?.addEventListener("abort", abort);
  try {
    const ended = outcomeOf(installer);
    const group = await processOf(installer.child.pid ?? 0);
    if (group) await lock.record(group);
    if (signal?.aborted) abort();
    const { code, output } = await ended;
    signal?.throwIfAborted();
    if (code !== 0) throw await failure(root, home, output);
  } finally {
    signal?.removeEventListener("abort", abort);
    clearInterval(progress);
  }
};

/** What an interrupted install left would be built upon, not mended. */
const removePlatform = async (root: string): Promise<void> => {
  const folder = platformDir(root);
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new UserError(`${folder} cannot be removed to fetch it anew: ${cause}. Remove it and try again.`);
  }
};

/**
 * The CLI copies its sources and their version first, and writes the program's types last, once every dependency is in
 * place: a platform without them was interrupted, whatever else it holds.
 */
const isComplete = async (root: string, wanted: string): Promise<boolean> => {
  const [version, types] = await Promise.all(
    ["version", "config.d.ts"].map((file) =>
      readFile(path.join(platformDir(root), file), "utf8").catch(() => ""),
    ),
  );
  return version?.trim() === wanted && types !== "";
};

const installedVersion = async (root: string): Promise<string> => {
  const manifest = await readFile(path.join(root, "node_modules/sst/package.json"), "utf8").catch(() => {
    throw new UserError("SST is not installed: run npm ci first.");
  });
  return v.parse(v.object({ version: v.string() }), JSON.parse(manifest)).version;
};

/** The CLI's configuration folder is `$XDG_CONFIG_HOME` on Linux and `Library/Application Support` on macOS. */
const writeEngineStub = async (home: string): Promise<void> => {
  for (const config of [home, path.join(home, "Library/Application Support")]) {
    const bin = path.join(config, "sst/bin");
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, "pulumi"), `#!/bin/sh\necho ${pulumiVersion}\n`);
    await chmod(path.join(bin, "pulumi"), 0o755);
  }
};

const startInstaller = (root: string, home: string): TiedProcess => {
  const cli = path.join(root, "node_modules/sst/bin/sst.mjs");
  return startTied(process.execPath, [cli, "install", "--stage", "local", "--print-logs"], {
    cwd: root,
    env: {
      ...process.env,
      HOME: home,
      XDG_CONFIG_HOME: home,
      NO_BUN: "1",
      SST_TELEMETRY_DISABLED: "1",
      DO_NOT_TRACK: "1",
      npm_config_cache: process.env.npm_config_cache ?? path.join(homedir(), ".npm"),
      npm_config_userconfig: process.env.npm_config_userconfig ?? path.join(homedir(), ".npmrc"),
    },
    stdout: "pipe",
  });
};

const outcomeOf = ({ child }: TiedProcess): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve, reject) => {
    const output: string[] = [];
    child.stdout?.on("data", (chunk) => output.push(String(chunk)));
    child.stderr?.on("data", (chunk) => output.push(String(chunk)));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: output.join("") }));
  });

const failure = async (root: string, home: string, output: string): Promise<UserError> => {
  const log = path.join(home, "install.log");
  await writeFile(log, output);
  return new UserError(
    `SST's platform could not be fetched from the npm registry: ${causeIn(output)}. Check the network and try again; ${path.relative(root, log)} has the whole story.`,
  );
};

/** What went wrong, in the words of npm or of the CLI around it. */
const causeIn = (output: string): string =>
  [/npm error (?:\w+: )?(request to .+? failed, reason: .+?)\\n/, /npm error code (\w+)/, /err="([^"\\]+)/]
    .map((pattern) => output.match(pattern)?.[1])
    .find((cause) => cause !== undefined) ?? "the CLI of SST gave up";
