import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Bundles, bundleFunctions } from "./bundle.js";

interface Build {
  /** When it began (ms since 1970). */
  readonly since: number;
  readonly outDir: string;
  readonly bundles: Bundles;
  /** The contents of all that esbuild wrote, by absolute path. */
  readonly files: ReadonlyMap<string, Buffer>;
}

const builds = new Map<string, Build>();

/**
 * Bundles functions, or writes an equal build of this process again: a run of tests starts many stacks from the same
 * sources. Both output folders must have the same parent, because source maps have relative paths.
 * @throws {BuildFailure}
 */
export const bundleOnce: typeof bundleFunctions = async (options) => {
  const { root, outDir, functions } = options;
  const built = functions.map(({ name, handler, runtime, nodejs }) => ({ name, handler, runtime, nodejs }));
  const key = JSON.stringify([root, dirname(outDir), built]);
  const known = builds.get(key);
  if (known && (await isCurrent(known))) return writeAgain(known, outDir);
  const since = Date.now();
  const bundles = await bundleFunctions(options);
  const written = await filesIn(outDir);
  const files = await Promise.all(written.map(async (file) => [file, await readFile(file)] as const));
  builds.set(key, { since, outDir, bundles, files: new Map(files) });
  return bundles;
};

/** True if no source file has changed since. Packages of `node_modules` stay as they are while a process runs. */
const isCurrent = async ({ since, bundles }: Build): Promise<boolean> => {
  const sources = new Set([...bundles.values()].flatMap(({ inputs }) => [...inputs]));
  const changes = [...sources].map((file) =>
    stat(file).then(
      ({ mtimeMs, ctimeMs }) => Math.max(mtimeMs, ctimeMs),
      () => Number.POSITIVE_INFINITY,
    ),
  );
  return Math.max(...(await Promise.all(changes))) < since;
};

const filesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

const writeAgain = async ({ outDir: before, bundles, files }: Build, outDir: string): Promise<Bundles> => {
  const moved = (file: string) => join(outDir, relative(before, file));
  await Promise.all(
    [...files].map(async ([file, content]) => {
      await mkdir(dirname(moved(file)), { recursive: true });
      await writeFile(moved(file), content);
    }),
  );
  return new Map([...bundles].map(([name, bundle]) => [name, { ...bundle, file: moved(bundle.file) }]));
};
