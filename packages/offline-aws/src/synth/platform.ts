import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import * as v from "valibot";
import { withLock } from "../lock.js";
import { type Child, startChild } from "../process.js";
import { UserError } from "../user-error.js";

/** The engine version that `sst install` expects beside its own binary. */
const pulumiVersion = "v3.210.0";

export const platformDir = (root: string): string => path.join(root, ".sst/platform");

/**
 * Puts SST's component sources, types and providers into `.sst/platform`, unless they are there in the version that the
 * project has installed. If several commands find them missing, one fetches them and the others wait.
 *
 * SST's CLI asks for the Pulumi engine, a download from GitHub that evaluating a program does not need. A stub that prints
 * the expected version stands in for it, in a home folder for this purpose, so that a real `sst deploy` later still
 * fetches the engine.
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
  const onWait = () => say("Another command is fetching SST's platform: waiting for it");
  await withLock(path.join(root, ".sst/platform-install.lock"), { onWait, signal }, async (locked) => {
    if (!(await isComplete(root, wanted))) await fetchPlatform(root, say, locked);
  });
};

const fetchPlatform = async (
  root: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> => {
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
  signal.addEventListener("abort", installer.end);
  if (signal.aborted) installer.end();
  try {
    const { code, output } = await outcomeOf(installer);
    signal.throwIfAborted();
    if (code !== 0) throw await failure(root, home, output);
  } finally {
    signal.removeEventListener("abort", installer.end);
    clearInterval(progress);
  }
};

/** Removes the remains of an interrupted install: the CLI would build upon them, and not repair them. */
const removePlatform = async (root: string): Promise<void> => {
  const folder = platformDir(root);
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new UserError(`${folder} cannot be removed to fetch it again: ${cause}. Remove it and try again.`);
  }
};

/**
 * The CLI writes the version first and the program's types last, once every dependency is in place. Without the types the
 * install was interrupted.
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

const startInstaller = (root: string, home: string): Child => {
  const cli = path.join(root, "node_modules/sst/bin/sst.mjs");
  return startChild(process.execPath, [cli, "install", "--stage", "local", "--print-logs"], {
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

const outcomeOf = ({ process: child }: Child): Promise<{ code: number | null; output: string }> =>
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
    `SST's platform could not be fetched from the npm registry: ${causeIn(output)}. Check the network and try again; the whole output is in ${path.relative(root, log)}.`,
  );
};

/** The cause in the words of npm, or of the CLI around it. */
const causeIn = (output: string): string =>
  [/npm error (?:\w+: )?(request to .+? failed, reason: .+?)\\n/, /npm error code (\w+)/, /err="([^"\\]+)/]
    .map((pattern) => output.match(pattern)?.[1])
    .find((cause) => cause !== undefined) ?? "SST's CLI failed without a cause";
