import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { processOf } from "./process-id.js";

/** Removes from a folder what processes that have ended left there: `pattern` finds the process's number in a name. */
export const sweepDead = async (folder: string, pattern: RegExp): Promise<void> => {
  for (const name of await readdir(folder)) {
    const [, pid] = pattern.exec(name) ?? [];
    if (pid !== undefined && !(await processOf(Number(pid))))
      await rm(path.join(folder, name), { recursive: true, force: true });
  }
};
