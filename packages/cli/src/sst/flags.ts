import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as v from "valibot";

/** SST's commands that ours wrap. */
const wrapped = ["deploy", "dev", "diff", "refresh", "remove", "unlock"];

/** The flags of each command. */
export type SstFlags = ReadonlyMap<string, ReadonlySet<string>>;

const platformSchema = v.object({ dependencies: v.object({ "@pulumi/pulumi": v.string() }) });

/**
 * Reads the help of the installed CLI. The CLI insists on Pulumi's engine, which only a deployment fetches. A stub that
 * prints the expected version stands in for it, in a temporary home.
 */
export const readSstFlags = async (root: string): Promise<SstFlags> => {
  const platform = await readFile(path.join(root, ".sst/platform/package.json"), "utf8");
  const { dependencies } = v.parse(platformSchema, JSON.parse(platform));
  const version = `v${dependencies["@pulumi/pulumi"].replace(/^\D*/, "")}`;
  const home = await mkdtemp(path.join(tmpdir(), "lectern-sst-"));
  try {
    for (const config of [home, path.join(home, "Library/Application Support")]) {
      const bin = path.join(config, "sst/bin");
      await mkdir(bin, { recursive: true });
      await writeFile(path.join(bin, "pulumi"), `#!/bin/sh\necho ${version}\n`);
      await chmod(path.join(bin, "pulumi"), 0o755);
    }
    const flags = wrapped.map(
      async (command): Promise<[string, ReadonlySet<string>]> => [
        command,
        flagsIn(await helpOf(root, home, command)),
      ],
    );
    return new Map(await Promise.all(flags));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};

/** SST exits with 1 after printing help, so only the text shows success. */
const helpOf = (root: string, home: string, command: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const cli = path.join(root, "node_modules/sst/bin/sst.mjs");
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: home,
      XDG_CONFIG_HOME: home,
      NO_BUN: "1",
      SST_TELEMETRY_DISABLED: "1",
      DO_NOT_TRACK: "1",
    };
    const args = [cli, ...command.split(" "), "--help"];
    execFile(process.execPath, args, { cwd: root, env }, (_, stdout, stderr) =>
      stdout.startsWith(`Usage: sst ${command}`)
        ? resolve(stdout)
        : reject(new Error(`sst ${command} --help gave no help: ${stdout}${stderr}`)),
    );
  });

const flagsIn = (help: string): ReadonlySet<string> => new Set(help.match(/(?<=^ {2}--)[\w-]+/gm) ?? []);
