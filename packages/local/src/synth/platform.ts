import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import * as v from "valibot";
import { UserError } from "../user-error.js";

/** The engine version that `sst install` looks for beside its own binary; the stub that stands in for it says the same. */
const pulumiVersion = "v3.210.0";

export const platformDir = (root: string): string => path.join(root, ".sst/platform");

/**
 * Puts SST's component sources, types and providers into `.sst/platform`, unless they are there in the version that the
 * project has installed. The CLI insists on the Pulumi engine, which evaluating a program does not need and which comes
 * from elsewhere than npm; a stub that says its version takes its place, in a home of its own, so that a real `sst deploy`
 * later fetches the real one.
 * @throws {UserError} when the sources cannot be fetched
 */
export const ensurePlatform = async (root: string, say: (line: string) => void): Promise<void> => {
  const wanted = await installedVersion(root);
  if (await isComplete(root, wanted)) return;
  say("Fetching SST's platform into .sst/platform: about 300 MB, once, half a minute or so");
  // What an interrupted install left would be built upon, not mended.
  await rm(platformDir(root), { recursive: true, force: true });
  const home = path.join(root, ".sst/offline-home");
  await writeEngineStub(home);
  const started = Date.now();
  const progress = setInterval(
    () => say(`Still fetching SST's platform: ${Math.round((Date.now() - started) / 1000)} s`),
    10_000,
  );
  try {
    await install(root, home);
  } finally {
    clearInterval(progress);
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

const install = (root: string, home: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const output: string[] = [];
    const cli = path.join(root, "node_modules/sst/bin/sst.mjs");
    const child = spawn(process.execPath, [cli, "install", "--stage", "local", "--print-logs"], {
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
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk) => output.push(String(chunk)));
    child.stderr.on("data", (chunk) => output.push(String(chunk)));
    child.on("error", reject);
    child.on("close", async (code) => {
      if (code === 0) return resolve();
      const log = path.join(home, "install.log");
      await writeFile(log, output.join(""));
      reject(
        new UserError(
          `SST's platform could not be fetched from the npm registry: ${causeIn(output.join(""))}. Check the network and try again; ${path.relative(root, log)} has the whole story.`,
        ),
      );
    });
  });

/** What went wrong, in the words of npm or of the CLI around it. */
const causeIn = (output: string): string =>
  [/npm error (?:\w+: )?(request to .+? failed, reason: .+?)\\n/, /npm error code (\w+)/, /err="([^"\\]+)/]
    .map((pattern) => output.match(pattern)?.[1])
    .find((cause) => cause !== undefined) ?? "the CLI of SST gave up";
