import { rmSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { removeStale } from "../process.js";
import { type Bundles, bundleFunctions, bundleWorker } from "./bundle.js";
import { bundleOnce } from "./bundle-memory.js";
import { type ReloadEvent, startReload } from "./reload.js";
import { createScheduler, type Scheduler, type SchedulerOptions } from "./scheduler.js";

export type Lambda = Omit<Scheduler, "swap">;

export interface LambdaOptions extends Omit<SchedulerOptions, "bundles" | "worker"> {
  /** The folder that handlers are relative to. */
  readonly root: string;
  /** Holds a folder for this stack's bundles; `close` deletes that folder. */
  readonly outDir: string;
  /** True to rebuild a function when one of its source files is saved. */
  readonly watch: boolean;
  readonly onReload?: (event: ReloadEvent) => void;
}

/**
 * Bundles the functions and gets ready to invoke them.
 * @throws {BuildFailure}
 */
export const startLambda = async (options: LambdaOptions): Promise<Lambda> => {
  const { functions } = options;
  // Watched files and stack traces have real paths; macOS's temporary folder is a link.
  const root = await realpath(options.root);
  const outDir = await prepareOutDir(root, options.outDir);
  const removeOutDir = () => rm(outDir, { recursive: true, force: true });
  const since = Date.now();
  const build = async () => ({
    worker: await bundleWorker(outDir),
    // A watching stack bundles again and again, so the memory would only grow.
    bundles: await (options.watch ? bundleFunctions : bundleOnce)({ root, outDir, functions }),
  });
  const { worker, bundles } = await build().catch(async (error) => {
    await removeOutDir();
    throw error;
  });

  const scheduler = createScheduler({ ...options, bundles, worker });
  const prune = createPruner(bundles);
  const reload = options.watch
    ? startReload({
        root,
        bundles,
        since,
        rebuild: (names) =>
          bundleFunctions({ root, outDir, functions: functions.filter(({ name }) => names.has(name)) }),
        onBundle: (name, file) => {
          scheduler.swap(name, file);
          prune(name, file);
        },
        onReload: options.onReload ?? (() => {}),
      })
    : undefined;

  return {
    ...scheduler,
    close: async () => {
      await Promise.all([reload?.close(), scheduler.close()]);
      await removeOutDir();
    },
  };
};

/** Deletes a function's bundle two edits later: an environment may still be loading the previous one. */
const createPruner = (bundles: Bundles) => {
  const current = new Map([...bundles].map(([name, { file }]) => [name, file]));
  const previous = new Map<string, string | undefined>();
  return (name: string, file: string): void => {
    const old = previous.get(name);
    previous.set(name, current.get(name));
    current.set(name, file);
    const used = new Set([...current.values(), ...previous.values()]);
    if (old && !used.has(old)) rmSync(dirname(old), { recursive: true, force: true });
  };
};

/** A new folder in `parent`, with a link to `node_modules` for packages that are not bundled. */
const prepareOutDir = async (root: string, parent: string): Promise<string> => {
  await mkdir(parent, { recursive: true });
  await removeStale(parent, /^lambda-(\d+)-/);
  const outDir = await mkdtemp(join(parent, `lambda-${process.pid}-`));
  const nodeModules = await findUp(resolve(root), "node_modules");
  if (nodeModules) await symlink(nodeModules, join(outDir, "node_modules"), "junction");
  return outDir;
};

const findUp = async (directory: string, name: string): Promise<string | undefined> => {
  const path = join(directory, name);
  if (await stat(path).catch(() => undefined)) return path;
  const parent = dirname(directory);
  return parent === directory ? undefined : findUp(parent, name);
};
