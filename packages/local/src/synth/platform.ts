import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
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
  const present = await readFile(path.join(platformDir(root), "version"), "utf8").catch(() => "");
  if (present.trim() === wanted && (await isComplete(root))) return;
  say("Fetching SST's platform into .sst/platform: about 300 MB, once, half a minute or so");
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
  await writeFile(completeFile(root), wanted);
};

const completeFile = (root: string): string => path.join(platformDir(root), "node_modules/.complete");

/** An install that was interrupted leaves sources without their dependencies. */
const isComplete = async (root: string): Promise<boolean> =>
  (await readFile(completeFile(root), "utf8").catch(() => "")) !== "" ||
  (await readFile(path.join(platformDir(root), "node_modules/@pulumi/aws/package.json")).catch(
    () => undefined,
  )) !== undefined;

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
    const cli = path.join(
      path.dirname(createRequire(path.join(root, "x.js")).resolve("sst/package.json")),
      "bin/sst.mjs",
    );
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
    child.on("close", (code) => {
      if (code === 0) return resolve();
      const last = output.join("").trim().split("\n").slice(-5).join("\n");
      reject(
        new UserError(
          `SST's platform could not be fetched; it needs the npm registry once. Check the network and try again.\n${last}`,
        ),
      );
    });
  });
