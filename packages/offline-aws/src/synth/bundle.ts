import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as Esbuild from "esbuild";
import { UserError } from "../user-error.js";

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
export const bundleProgram = async (root: string, platform: string, outfile: string): Promise<string[]> => {
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
  // Node takes a path for a URL, so a `#` or `%` of a folder's name would cut it or be decoded.
  const appUrl = pathToFileURL(appFile).href;
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
        contents: programModule(root, platform, appUrl),
      },
      outfile,
      external: [...externals, appUrl],
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
export const sourceFiles = { app: "offline-app.js", program: "offline.ts" };

export const appBundle = (outfile: string): string => outfile.replace(/\.mjs$/, "-app.mjs");

const appModule = (root: string, platform: string): string => `
  import { reportFailures } from ${JSON.stringify(path.join(here, "program.ts"))};
  import { quickenPulumi } from ${JSON.stringify(path.join(here, "quick-pulumi.ts"))};
  reportFailures();
  quickenPulumi(import.meta.url);
  globalThis.$config = (config) => config;
  const { default: config } = await import(${JSON.stringify(path.join(root, "sst.config.ts"))});
  const stage = process.env.SYNTH_STAGE;
  const declared = await config.app({ stage });
  const providers = declared.providers ?? {};
  export const region = providers.aws?.region ?? "us-east-1";
  export const app = { removal: "retain", protect: false, ...declared, stage, providers };
  globalThis.$app = app;
  globalThis.$dev = process.env.SYNTH_DEV === "true";
  globalThis.$cli = { dev: globalThis.$dev, ...${JSON.stringify({
    command: "deploy",
    state: { version: {} },
    paths: {
      home: path.join(root, ".sst/offline-home/sst"),
      root,
      work: path.join(root, ".sst"),
      platform,
    },
  })} };
`;

const programModule = (root: string, platform: string, appUrl: string): string => `
  import { app, region } from ${JSON.stringify(appUrl)};
  import * as pulumi from "@pulumi/pulumi";
  import { run } from ${JSON.stringify(path.join(platform, "src/auto/run.ts"))};
  import config from ${JSON.stringify(path.join(root, "sst.config.ts"))};
  import { main } from ${JSON.stringify(path.join(here, "program.ts"))};
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
