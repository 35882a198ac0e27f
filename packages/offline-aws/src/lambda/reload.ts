import { dirname, relative, resolve } from "node:path";
import { type BuildError, BuildFailure, type Bundles } from "./bundle.js";
import { createDirectoryWatcher } from "./directory-watcher.js";

export type ReloadEvent =
  /** A rebuild begins. `file` is relative to the root; absent when the system does not say which file changed. */
  | { readonly kind: "begun"; readonly file?: string }
  /** New code serves, `ms` after the save; `functions` is empty when their code came out as it was. */
  | { readonly kind: "reloaded"; readonly functions: readonly string[]; readonly ms: number }
  | { readonly kind: "failed"; readonly errors: readonly BuildError[] }
  /** The rebuild met the same errors as the one before. */
  | { readonly kind: "still-failing" };

/** Waits for a save to finish: it causes several events, and the file may be empty for a moment. */
const settleMs = 20;

/**
 * Rebuilds the functions whose sources include an edited file. A function that does not build keeps its last good code,
 * and is built again after any change in the folders of its sources.
 */
export const startReload = (options: {
  readonly root: string;
  readonly bundles: Bundles;
  /** When the build of `bundles` began, ms since the epoch: later edits are not in it. */
  readonly since: number;
  readonly rebuild: (functionNames: ReadonlySet<string>) => Promise<Bundles>;
  /** Called for each function whose code has changed. */
  readonly onBundle: (functionName: string, file: string) => void;
  readonly onReload: (event: ReloadEvent) => void;
}): { close(): Promise<void> } => {
  const bundles = new Map(options.bundles);
  const stale = new Set<string>();
  let failing: ReadonlySet<string> = new Set();
  let errors: readonly BuildError[] = [];
  let timer: NodeJS.Timeout | undefined;
  let building: Promise<void> | undefined;
  /** The first change since the last rebuild. */
  let change: { readonly file: string | undefined; readonly at: number } | undefined;
  let closed = false;

  const onChange = (file: string | undefined): void => {
    for (const [name, { inputs }] of bundles) if (file === undefined || inputs.has(file)) stale.add(name);
    for (const name of failing) stale.add(name);
    if (stale.size > 0) change ??= { file, at: Date.now() };
    schedule();
  };

  const schedule = (): void => {
    if (stale.size === 0 || building || closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      building = rebuild().finally(() => {
        building = undefined;
        schedule();
      });
    }, settleMs);
  };

  const rebuild = async (): Promise<void> => {
    const since = Date.now();
    const { file, at } = change ?? { file: undefined, at: since };
    const names = new Set([...stale, ...failing]);
    stale.clear();
    change = undefined;
    options.onReload({ kind: "begun", ...(file ? { file: relative(options.root, file) } : {}) });
    try {
      succeed(await options.rebuild(names), at);
    } catch (error) {
      if (!(error instanceof BuildFailure)) throw error;
      fail(names, error.errors);
    }
    if (!closed) watcher.set(directories(), since);
  };

  const succeed = (built: Bundles, savedAt: number): void => {
    const changed = [...built].filter(([name, { file }]) => bundles.get(name)?.file !== file);
    for (const [name, bundle] of built) bundles.set(name, bundle);
    for (const [name, { file }] of changed) options.onBundle(name, file);
    failing = new Set();
    errors = [];
    options.onReload({
      kind: "reloaded",
      functions: changed.map(([name]) => name),
      ms: Date.now() - savedAt,
    });
  };

  const fail = (names: ReadonlySet<string>, found: readonly BuildError[]): void => {
    failing = names;
    // If a file has changed since, the next build decides: these errors may come from a half-written file.
    if (stale.size > 0) return;
    const isSame = JSON.stringify(found) === JSON.stringify(errors);
    errors = found;
    options.onReload(isSame ? { kind: "still-failing" } : { kind: "failed", errors });
  };

  const directories = (): string[] => [
    ...[...bundles.values()].flatMap(({ inputs }) => [...inputs].map(dirname)),
    ...errors.flatMap((error) => directoriesOf(options.root, error)),
  ];

  const watcher = createDirectoryWatcher(onChange);
  watcher.set(directories(), options.since);

  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      watcher.close();
      await building;
    },
  };
};

/** Where an edit can fix the error: the broken file's folder, and the folder of a file that it cannot import. */
const directoriesOf = (root: string, { file, text }: BuildError): string[] => {
  if (!file) return [];
  const directory = dirname(resolve(root, file));
  const missing = text.match(/^Could not resolve "(\.[^"]*)"/)?.[1];
  return missing ? [directory, dirname(resolve(directory, missing))] : [directory];
};
