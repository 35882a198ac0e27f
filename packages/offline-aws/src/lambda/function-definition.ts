import type { BuildOptions, Loader } from "esbuild";
import { UserError } from "../user-error.js";

/** A function as the stack declares it. */
export interface FunctionDefinition {
  /** The physical name: `shop-order-local`. */
  readonly name: string;
  readonly arn: string;
  /** File and export, relative to the root: `src/order.handler`. */
  readonly handler: string;
  /** All variables except those that Lambda sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Default `nodejs22.x`. Names the bundle's target; the code runs on the Node that runs the stack. */
  readonly runtime?: string;
  readonly nodejs?: NodejsOptions;
}

/** SST's `nodejs` arguments, as `Runtime.Build` gets them. `minify` and source-map settings are for deploying only. */
interface NodejsOptions {
  readonly format?: "esm" | "cjs";
  readonly minify?: boolean;
  readonly sourcemap?: boolean;
  readonly splitting?: boolean;
  readonly banner?: string;
  readonly install?: readonly string[];
  readonly loader?: Readonly<Record<string, Loader>>;
  /** The path of an esbuild plugin module. Not supported offline. */
  readonly plugins?: string;
  readonly esbuild?: Pick<
    BuildOptions,
    | "target"
    | "sourcemap"
    | "keepNames"
    | "define"
    | "banner"
    | "external"
    | "inject"
    | "nodePaths"
    | "mainFields"
    | "conditions"
  >;
}

/** The options that SST 3.19.3 passes to esbuild for a function, without minifying. */
export const bundleOptions = ({
  name,
  nodejs = {},
  runtime = "nodejs22.x",
}: FunctionDefinition): BuildOptions => {
  if (nodejs.plugins)
    throw new UserError(`Function ${name} uses nodejs.plugins, which the local stack does not support.`);
  const esm = nodejs.format !== "cjs";
  const { define, inject, nodePaths, conditions } = nodejs.esbuild ?? {};
  const banner = [...(esm ? esmBanner : []), nodejs.banner ?? "", nodejs.esbuild?.banner?.js ?? ""];
  return {
    platform: "node",
    format: esm ? "esm" : "cjs",
    outExtension: { ".js": esm ? ".mjs" : ".cjs" },
    target: nodejs.esbuild?.target ?? targets[runtime] ?? "es2023",
    mainFields: nodejs.esbuild?.mainFields ?? (esm ? ["module", "main"] : ["main"]),
    keepNames: nodejs.esbuild?.keepNames ?? true,
    external: ["sharp", "pg-native", ...(nodejs.install ?? []), ...(nodejs.esbuild?.external ?? [])],
    banner: { js: banner.filter(Boolean).join("\n") },
    ...(nodejs.loader && { loader: nodejs.loader }),
    ...(define && { define }),
    ...(inject && { inject }),
    ...(nodePaths && { nodePaths }),
    ...(conditions && { conditions }),
  };
};

const targets: Readonly<Record<string, string>> = {
  "nodejs18.x": "es2022",
  "nodejs20.x": "es2023",
  "nodejs22.x": "es2023",
  "nodejs24.x": "es2024",
};

/** Bundled CommonJS packages need `require`, `__filename` and `__dirname`, which an ES module lacks. */
const esmBanner = [
  `import { createRequire as topLevelCreateRequire } from "module";`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url";`,
  `const __filename = topLevelFileUrlToPath(import.meta.url);`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url));`,
];
