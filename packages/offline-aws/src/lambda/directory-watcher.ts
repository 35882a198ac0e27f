import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";

export interface DirectoryWatcher {
  /**
   * Watches exactly these directories; for one that does not exist, its nearest ancestor. For a directory that was not
   * watched before, changes after `since` (ms since the epoch) are reported too.
   */
  set(directories: Iterable<string>, since: number): void;
  close(): void;
}

/** File times come from a coarse clock, so they can lie a few ms before the change. */
const fileTimeToleranceMs = 20;

/**
 * Reports the paths of changed files; `undefined` when the system does not say which file changed. It watches
 * directories, because an editor that saves by renaming replaces the file.
 */
export const createDirectoryWatcher = (onChange: (file: string | undefined) => void): DirectoryWatcher => {
  /** By inode: a directory that was deleted and created again needs a new watcher. */
  const watchers = new Map<string, FSWatcher>();

  const start = (directory: string): FSWatcher =>
    watch(directory, (_, name) => onChange(name === null ? undefined : join(directory, name)))
      // Some systems report a deleted directory as an error.
      .on("error", () => onChange(undefined));

  return {
    set: (directories, since) => {
      const wanted = new Map([...directories].map(nearestExisting).map((path) => [keyOf(path), path]));
      for (const [key, watcher] of watchers) {
        if (wanted.has(key)) continue;
        watcher.close();
        watchers.delete(key);
      }
      for (const [key, path] of wanted) {
        if (watchers.has(key)) continue;
        watchers.set(key, start(path));
        for (const file of changedSince(path, since - fileTimeToleranceMs)) onChange(file);
      }
    },
    close: () => {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
};

const nearestExisting = (directory: string): string =>
  statSync(directory, { throwIfNoEntry: false })?.isDirectory()
    ? directory
    : nearestExisting(dirname(directory));

const keyOf = (directory: string): string => `${statSync(directory).ino} ${directory}`;

/** Uses the inode's change time: a renamed file keeps its modification time. */
const changedSince = (directory: string, since: number): string[] =>
  readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= since);
