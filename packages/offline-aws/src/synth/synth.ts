import { fork } from "node:child_process";
import { access, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type * as Esbuild from "esbuild";
import { removeStale } from "../process.js";
import { sayIfSlow } from "../say-if-slow.js";
import { UserError } from "../user-error.js";
import type { Graph } from "./graph.js";
import { ensurePlatform, platformDir } from "./platform.js";
import type { Message } from "./report.js";

export interface SynthOptions {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  readonly stage: string;
  /** Settings for the program, by name. It reads them as JSON from the variable `OFFLINE_AWS_SETTINGS`. */
  readonly settings?: Readonly<Record<string, string>>;
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
  say = () => undefined,
  signal,
}: SynthOptions): Promise<Graph> => {
  await access(path.join(root, "sst.config.ts")).catch(() => {
    throw new UserError(`There is no sst.config.ts in ${root}: run this in the project's folder.`);
  });
  await ensurePlatform(root, say, signal);
  const evaluating = evaluate({ root, stage, settings, signal });
  return sayIfSlow(say, `Evaluating sst.config.ts for stage ${stage}`, evaluating);
};

type Evaluation = Required<Pick<SynthOptions, "root" | "stage" | "settings">> & Pick<SynthOptions, "signal">;

const evaluate = async ({ root, stage, settings, signal }: Evaluation): Promise<Graph> => {
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
    const sources = await build(root, platform, bundle);
    const environment = {
      SYNTH_STAGE: stage,
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

const here = path.dirname(fileURLToPath(import.meta.url));

/** Bundled CommonJS code needs `require` and these globals, which a module lacks. */
const banner = [
  'import { createRequire as __createRequire } from "node:module";',
  'import { fileURLToPath as __fileURLToPath } from "node:url";',
  "const require = __createRequire(import.meta.url);",
  "const __filename = __fileURLToPath(import.meta.url);",
  'const __dirname = __fileURLToPath(new URL(".", import.meta.url));',
].join("\n");

const externals = [
  "@pulumi/*",
  "undici",
  "@pulumiverse/*",
  "@sst-provider/*",
  "@aws-sdk/*",
  "esbuild",
  "archiver",
  "glob",
  "vite",
];

/**
 * Builds two bundles, as the CLI does: the first sets `$app`, which must exist before the second loads SST's sources.
 * Returns the program's own files.
 */
const build = async (root: string, platform: string, outfile: string): Promise<string[]> => {
  // The platform's version of esbuild, with which the CLI builds these sources.
  const esbuild: typeof Esbuild = createRequire(path.join(platform, "x.js"))("esbuild");
  const common: Esbuild.BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    mainFields: ["module", "main"],
    nodePaths: [path.join(platform, "node_modules")],
    external: externals,
    banner: { js: banner },
    sourcemap: "linked",
    logLevel: "silent",
  };
  const appFile = appBundle(outfile);
  const builds = Promise.all([
    esbuild.build({
      ...common,
      stdin: {
        loader: "js",
        resolveDir: root,
        sourcefile: sourceFiles.app,
        contents: appModule(root, platform),
      },
      outfile: appFile,
      metafile: true,
    }),
    esbuild.build({
      ...common,
      stdin: {
        loader: "ts",
        resolveDir: root,
        sourcefile: sourceFiles.program,
        contents: programModule(root, platform, appFile),
      },
      outfile,
      external: [...externals, appFile],
      inject: [path.join(platform, "src/shim/run.js")],
      plugins: [globals(platform)],
    }),
  ]);
  const [{ metafile }] = await builds.catch((failure: Esbuild.BuildFailure) => {
    const [first] = failure.errors ?? [];
    const place = first?.location ? `${first.location.file}:${first.location.line}: ` : "";
    throw new UserError(`sst.config.ts cannot be built: ${place}${first?.text ?? failure.message}`);
  });
  return Object.keys(metafile?.inputs ?? {})
    .filter((file) => file !== sourceFiles.app && !file.includes("node_modules/") && !file.startsWith(".."))
    .map((file) => path.join(root, file))
    .filter((file) => !file.startsWith(here));
};

/** The names of the bundles' first files in stack traces. */
const sourceFiles = { app: "offline-app.js", program: "offline.ts" };

const appBundle = (outfile: string): string => outfile.replace(/\.mjs$/, "-app.mjs");

const appModule = (root: string, platform: string): string => `
  import { reportFailures } from ${JSON.stringify(path.join(here, "report.ts"))};
  reportFailures();
  globalThis.$config = (config) => config;
  const { default: config } = await import(${JSON.stringify(path.join(root, "sst.config.ts"))});
  const stage = process.env.SYNTH_STAGE;
  const declared = await config.app({ stage });
  const providers = declared.providers ?? {};
  export const region = providers.aws?.region ?? "us-east-1";
  export const app = { removal: "retain", protect: false, ...declared, stage, providers };
  globalThis.$app = app;
  globalThis.$dev = false;
  globalThis.$cli = ${JSON.stringify({
    command: "deploy",
    dev: false,
    state: { version: {} },
    paths: {
      home: path.join(root, ".sst/offline-home/sst"),
      root,
      work: path.join(root, ".sst"),
      platform,
    },
  })};
`;

const programModule = (root: string, platform: string, appFile: string): string => `
  import { app, region } from ${JSON.stringify(appFile)};
  import * as pulumi from "@pulumi/pulumi";
  import { run } from ${JSON.stringify(path.join(platform, "src/auto/run.ts"))};
  import config from ${JSON.stringify(path.join(root, "sst.config.ts"))};
  import { main } from ${JSON.stringify(path.join(here, "main.ts"))};
  await main({ pulumi, app, region, run, program: config.run });
`;

/** Makes `aws` and `sst` available in the program's files without an import, as the CLI does. */
const globals = (platform: string): Esbuild.Plugin => ({
  name: "sst-globals",
  setup: (build) => {
    const components = JSON.stringify(path.join(platform, "src/components"));
    const prefix = `import * as aws from "@pulumi/aws"; import * as sst from ${components};`;
    build.onLoad({ filter: /\.(ts|tsx)$/ }, async ({ path: file }) => {
      const isProgram =
        !file.startsWith(platform) && !file.startsWith(here) && !file.includes("/node_modules/");
      const source = await readFile(file, "utf8");
      return { contents: isProgram ? `${prefix}${source}` : source, loader: "default" };
    });
  },
});

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
