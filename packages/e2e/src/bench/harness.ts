import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import type { Scope } from "@lectern/cli/scope";
import { type BuildOptions, build } from "esbuild";
import { bundleOptions } from "offline-aws";
import * as v from "valibot";
import type { Bench } from "./benchmark.js";

/** Makes a folder inside the project, where modules find the project's packages. It is deleted at the end. */
export const temporaryFolder = async ({ root, scope }: Pick<Bench, "root" | "scope">): Promise<string> => {
  const parent = path.join(root, ".sst/offline");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, "bench-"));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** Starts a server that answers every request with 200 and the same body. Returns its address. */
export const startTrivialServer = async (scope: Pick<Scope, "defer">, body: string): Promise<string> => {
  const server = http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { "content-length": body.length }).end(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return `http://127.0.0.1:${address.port}`;
};

type Bundled = Parameters<typeof bundleOptions>[0];

const bare = { arn: "", handler: "", environment: {}, timeoutSeconds: 1, memoryMb: 128 };

/** Bundles a program as SST bundles a function. Returns the bundle's file. */
export const bundled = async (
  folder: string,
  source: BuildOptions,
  fn: Pick<Bundled, "name"> & Partial<Bundled>,
): Promise<string> => {
  const outfile = path.join(folder, `${fn.name}.mjs`);
  const { outExtension: _extension, ...options } = bundleOptions({ ...bare, ...fn });
  await build({ ...options, ...source, outfile, bundle: true, minify: true, logLevel: "silent" });
  return outfile;
};

export interface Child {
  /** Where the bundle goes. */
  readonly folder: string;
  /** The program. Its last line on standard output is JSON. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program in a process that does nothing else, so that its CPU time can be measured, and parses its result. */
export const runChild = async <Schema extends v.GenericSchema>(
  { folder, entry, args, environment = {} }: Child,
  schema: Schema,
): Promise<v.InferOutput<Schema>> => {
  // Otherwise the loader that compiles TypeScript would be measured too. Kept names only cost time.
  const source = { entryPoints: [entry], keepNames: false };
  const file = await bundled(folder, source, { name: path.basename(entry, ".ts") });
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
    timeout: 10 * 60_000,
    maxBuffer: 256 * 1024 * 1024,
    env: {
      PATH: process.env.PATH,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      ...environment,
    },
  });
  return v.parse(schema, JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
};
