import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";

export interface DirectoryWatcher {
  /**
   * Watches these directories and no others; for one that does not exist, its nearest ancestor. What has changed
   * in a newly watched one after `since` (ms since the epoch) is reported too.
   */
  set(directories: Iterable<string>, since: number): void;
  close(): void;
}

/** File times come from a clock that ticks every few ms, so they may lie a little before the moment itself. */
const fileTimeToleranceMs = 20;

/**
 * Reports the paths of changed files. It watches directories, not files: an editor that saves by renaming puts
 * another file in the place of the watched one. `undefined`: something has changed, the system does not say what.
 */
export const createDirectoryWatcher = (onChange: (file: string | undefined) => void): DirectoryWatcher => {
  /** By inode, because a directory that was deleted and made again is another one. */
  const watchers = new Map<string, FSWatcher>();

  const start = (directory: string): FSWatcher =>
    watch(directory, (_, name) => onChange(name === null ? undefined : join(directory, name)))
      // A directory that goes away is an error on some systems.
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

/** By the time of the last change of the entry itself: a file that was renamed keeps its modification time. */
const changedSince = (directory: string, since: number): string[] =>
  readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= since);
