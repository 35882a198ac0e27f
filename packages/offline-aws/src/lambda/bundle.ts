import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Message, type Metafile } from "esbuild";
import { bundleOptions, type FunctionDefinition } from "./function-definition.js";

export interface Bundle {
  /** An absolute path that contains a hash of the content: equal paths mean equal code. */
  readonly file: string;
  /** The absolute paths of its source files, without those in `node_modules`. */
  readonly inputs: ReadonlySet<string>;
}

/** By function name. */
export type Bundles = ReadonlyMap<string, Bundle>;

export interface BuildError {
  /** Relative to the root; empty when the error has no place. */
  readonly file: string;
  /** 1-based, as is `column`; 0 when the error has no place. */
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** `src/a.ts:3:7: Unexpected "="`, or the text alone if the error has no place. */
export const describeBuildError = ({ file, line, column, text }: BuildError): string =>
  line ? `${file}:${line}:${column}: ${text}` : text;

/** Some functions could not be bundled. The message has one line for each error. */
export class BuildFailure extends Error {
  override readonly name = "BuildFailure";
  readonly errors: readonly BuildError[];

  constructor(errors: readonly BuildError[]) {
    super(errors.map(describeBuildError).join("\n"));
    this.errors = errors;
  }
}

/**
 * Bundles functions as SST deploys them, but not minified. Functions with equal options share one build, which parses
 * shared files once.
 * @throws {BuildFailure}
 */
export const bundleFunctions = async (options: {
  readonly root: string;
  readonly outDir: string;
  readonly functions: readonly FunctionDefinition[];
}): Promise<Bundles> => {
  const groups = new Map<string, Entry[]>();
  for (const definition of options.functions) {
    const entry = entryOf(options.root, definition);
    const key = JSON.stringify(entry.options);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  const settled = await Promise.allSettled(
    [...groups.values()].map((entries) => buildTogether(options.root, options.outDir, entries)),
  );
  const failures = settled.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const unexpected = failures.find((failure) => !(failure instanceof BuildFailure));
  if (unexpected) throw unexpected;
  if (failures.length > 0)
    throw new BuildFailure(failures.flatMap((failure: BuildFailure) => failure.errors));
  return new Map(settled.flatMap((result) => (result.status === "fulfilled" ? result.value : [])));
};

/** Bundles the script that every environment starts with: a worker thread cannot run TypeScript. */
export const bundleWorker = async (outDir: string): Promise<string> => {
  const outfile = join(outDir, "worker.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("./worker.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
  return outfile;
};

/** `handler` of `src/order.handler`. */
export const exportOf = (handler: string): string => handler.slice(handler.lastIndexOf(".") + 1);

/** `src/order` of `src/order.handler`. */
const stemOf = (handler: string): string => handler.slice(0, handler.lastIndexOf("."));

interface Entry {
  readonly definition: FunctionDefinition;
  /** Absolute. */
  readonly file: string;
  readonly options: BuildOptions;
}

const handlerExtensions = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];

const entryOf = (root: string, definition: FunctionDefinition): Entry => {
  const stem = stemOf(definition.handler);
  const file = handlerExtensions
    .map((extension) => resolve(root, stem + extension))
    .find((path) => existsSync(path));
  // esbuild names files by their real paths.
  if (file) return { definition, file: realpathSync(file), options: bundleOptions(definition) };
  const text = `The function ${definition.name} has no handler file: ${stem}.ts does not exist.`;
  throw new BuildFailure([{ file: `${stem}.ts`, line: 0, column: 0, text }]);
};

const buildTogether = async (
  root: string,
  outDir: string,
  entries: readonly Entry[],
): Promise<[string, Bundle][]> => {
  const outPaths = new Map(entries.map(({ definition, file }) => [file, outPathOf(definition.handler)]));
  const { metafile } = await build({
    ...entries[0]?.options,
    absWorkingDir: root,
    entryPoints: [...outPaths].map(([file, out]) => ({ in: file, out })),
    outdir: outDir,
    entryNames: "[dir]/[hash]/[name]",
    bundle: true,
    metafile: true,
    sourcemap: "linked",
    // Debuggers read the real files; the sources' text would only make cold starts slower.
    sourcesContent: false,
    logLevel: "silent",
  }).catch((error) => {
    throw isEsbuildFailure(error) ? new BuildFailure(error.errors.map(toBuildError)) : error;
  });
  const inputsOf = inputFinder(root, metafile);
  const outputs = Object.entries(metafile.outputs);
  return entries.map((entry) => {
    const found = outputs.find(
      ([, { entryPoint }]) => entryPoint && resolve(root, entryPoint) === entry.file,
    );
    if (!found?.[1].entryPoint) throw new Error(`esbuild wrote no bundle for ${entry.file}`);
    assertExported(entry, found[1].exports);
    return [
      entry.definition.name,
      { file: resolve(root, found[0]), inputs: inputsOf(found[1].entryPoint) },
    ] as const satisfies [string, Bundle];
  });
};

/** A handler may lie outside the root, but its bundle must lie in the output folder. */
const outPathOf = (handler: string): string => join(stemOf(handler).replaceAll("..", "_"), "bundle");

const isEsbuildFailure = (error: unknown): error is { errors: Message[] } =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors);

const toBuildError = ({ text, location }: Message): BuildError => ({
  file: location?.file ?? "",
  line: location?.line ?? 0,
  column: location ? location.column + 1 : 0,
  text,
});

const assertExported = ({ definition, options }: Entry, exported: readonly string[]): void => {
  const name = exportOf(definition.handler);
  // The exports of a CommonJS bundle are known only when it runs.
  if (options.format === "cjs" || exported.includes(name)) return;
  const file = `${stemOf(definition.handler)}.ts`;
  const text = `The function ${definition.name} has no handler: ${file} does not export ${name}.`;
  throw new BuildFailure([{ file, line: 0, column: 0, text }]);
};

/** Follows all imports, even those that tree shaking dropped: an edit may need them. */
const inputFinder = (root: string, metafile: Metafile) => {
  const visit = (input: string, seen: Set<string>): Set<string> => {
    if (seen.has(input)) return seen;
    seen.add(input);
    for (const { path, external } of metafile.inputs[input]?.imports ?? []) if (!external) visit(path, seen);
    return seen;
  };
  return (entryPoint: string): ReadonlySet<string> =>
    new Set(
      [...visit(entryPoint, new Set())]
        .filter((input) => !input.split("/").includes("node_modules"))
        .map((input) => resolve(root, input)),
    );
};
