import type { BuildOptions, Loader } from "esbuild";

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
export interface NodejsOptions {
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
    | "alias"
    | "banner"
    | "external"
    | "inject"
    | "nodePaths"
    | "mainFields"
    | "conditions"
  >;
}
