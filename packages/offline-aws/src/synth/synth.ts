import { fork } from "node:child_process";
import { access, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { removeStale } from "../process.js";
import { sayIfSlow } from "../say-if-slow.js";
import { UserError } from "../user-error.js";
import { appBundle, bundleProgram, sourceFiles } from "./bundle.js";
import type { Graph } from "./graph.js";
import { ensurePlatform, platformDir } from "./platform.js";
import type { Message } from "./program.js";

export interface SynthOptions {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  readonly stage: string;
  /** Settings for the program, by name. It reads them as JSON from the variable `OFFLINE_AWS_SETTINGS`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Evaluates what `sst dev` would deploy: stubs instead of functions. Default: false. */
  readonly dev?: boolean;
  /** Called with a line of progress when a step takes longer than two seconds. */
  readonly say?: (line: string) => void;
  /** Aborts the evaluation, and the download of the platform before it. */
  readonly signal?: AbortSignal | undefined;
}

let evaluations = 0;

/**
 * Evaluates the project's `sst.config.ts` for a stage as SST's CLI does: a child process runs one bundle of the program and
 * SST's component sources under Pulumi's runtime. Nothing is created, and no cloud is asked.
 * @throws {UserError} when the platform cannot be fetched, or the program refuses its settings or is broken
 * @throws {Error} when it is aborted
 */
export const synth = async ({
  root,
  stage,
  settings = {},
  dev = false,
  say = () => undefined,
  signal,
}: SynthOptions): Promise<Graph> => {
  await access(path.join(root, "sst.config.ts")).catch(() => {
    throw new UserError(`There is no sst.config.ts in ${root}: run this in the project's folder.`);
  });
  await ensurePlatform(root, say, signal);
  const evaluating = evaluate({ root, stage, settings, dev, signal });
  return sayIfSlow(say, `Evaluating sst.config.ts for stage ${stage}`, evaluating);
};

type Evaluation = Required<Pick<SynthOptions, "root" | "stage" | "settings" | "dev">> &
  Pick<SynthOptions, "signal">;

const evaluate = async ({ root, stage, settings, dev, signal }: Evaluation): Promise<Graph> => {
  evaluations += 1;
  const name = `offline-${process.pid}-${evaluations}`;
  const work = path.join(root, ".sst/offline");
  // esbuild knows files by their real paths.
  const platform = await realpath(platformDir(root));
  await removeStale(platform, /^offline-(\d+)-/);
  const bundle = path.join(platform, `${name}.mjs`);
  const emptyBundle = path.join(work, "empty");
  await mkdir(emptyBundle, { recursive: true });
  await writeFile(path.join(emptyBundle, "bundle.mjs"), "export const handler = () => undefined;\n");
  try {
    const sources = await bundleProgram(root, platform, bundle);
    const environment = {
      SYNTH_STAGE: stage,
      ...(dev ? { SYNTH_DEV: "true" } : {}),
      SYNTH_EMPTY_BUNDLE: emptyBundle,
      ...(Object.keys(settings).length > 0 ? { OFFLINE_AWS_SETTINGS: JSON.stringify(settings) } : {}),
    };
    const evaluated = await run(root, bundle, { environment, signal });
    return { ...evaluated, sources };
  } finally {
    const files = [bundle, appBundle(bundle)].flatMap((file) => [file, `${file}.map`]);
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
};

const run = (
  root: string,
  bundle: string,
  { environment, signal }: { environment: Record<string, string>; signal: AbortSignal | undefined },
): Promise<Graph> =>
  new Promise((resolve, reject) => {
    const child = fork(bundle, [], {
      cwd: root,
      env: { ...process.env, ...environment, NODE_OPTIONS: "" },
      execArgv: ["--enable-source-maps"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      ...(signal ? { signal } : {}),
    });
    const output: string[] = [];
    child.stdout?.on("data", (chunk) => output.push(String(chunk)));
    child.stderr?.on("data", (chunk) => output.push(String(chunk)));
    let told: Message | undefined;
    child.on("message", (message: Message) => {
      told ??= message;
    });
    child.on("error", reject);
    child.on("exit", () => {
      if (told?.kind === "graph") return resolve(told.graph);
      reject(told ? refused(root, told) : died(output.join("")));
    });
  });

/** SST's VisibleError and a program's SettingError are shown as their message, any other error with file and line. */
const refused = (root: string, { name, message, stack }: Extract<Message, { kind: "failed" }>): UserError => {
  if (name === "SettingError" || name === "VisibleError") return new UserError(message);
  const place = placeIn(root, stack);
  return new UserError(
    `sst.config.ts cannot be evaluated: ${place ? `${place}: ${message}` : stack || message}`,
  );
};

/** The first place of a stack in the project's own files: `infra/storage.ts:12`. */
const placeIn = (root: string, stack: string): string | undefined => {
  const others = /^\.\.|^\.sst\/|(^|\/)node_modules\//;
  const own = [...stack.matchAll(/\(?((?:file:\/\/)?\/[^()]+?):(\d+):\d+\)?$/gm)]
    .map(([, file = "", line = ""]) => ({ file: path.relative(root, file.replace(/^file:\/\//, "")), line }))
    .find(({ file }) => !others.test(file) && !Object.values(sourceFiles).includes(file));
  return own && `${own.file}:${own.line}`;
};

const died = (output: string): UserError =>
  new UserError(
    ["The evaluation of sst.config.ts ended before it was done.", output.trim()].filter(Boolean).join("\n"),
  );
