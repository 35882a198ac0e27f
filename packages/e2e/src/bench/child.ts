import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import * as v from "valibot";

/** Bundled as a function is: a loader that compiles TypeScript would be measured too. */
const options: BuildOptions = {
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "es2023",
  mainFields: ["module", "main"],
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "silent",
};

export interface Child {
  /** Where the bundle goes. */
  readonly folder: string;
  /** The program: its last line on standard output is JSON. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program in a process of its own, so that its CPU time is all its own, and reads what it found. */
export const runChild = async <Schema extends v.GenericSchema>(
  { folder, entry, args, environment = {} }: Child,
  schema: Schema,
): Promise<v.InferOutput<Schema>> => {
  const file = path.join(folder, `${path.basename(entry, ".ts")}.mjs`);
  await build({ ...options, entryPoints: [entry], outfile: file });
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
    timeout: 60_000,
    maxBuffer: 256 * 1024 * 1024,
    env: {
      PATH: process.env.PATH,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      ...environment,
    },
  });
  return v.parse(schema, JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
};
