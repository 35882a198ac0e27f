import { readFile, rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import * as v from "valibot";
import { isAlive, type ProcessId, processOf, processSchema } from "./process-id.js";
import { createWhole, hasCode, removeIfStill, replaceWhole } from "./whole-file.js";

/** A right that one process of this machine has at a time. */
export interface Lock {
  /** Says which process group works for the holder: whoever takes over from a dead one ends it first. */
  record(group: ProcessId): Promise<void>;
  release(): Promise<void>;
}

const holderSchema = v.object({ ...processSchema.entries, group: v.optional(processSchema) });

const lookAgainMs = 200;

/** Waits for a holder that lives, and takes over from one that does not. */
export const takeLock = async (
  file: string,
  { onWait, signal }: { readonly onWait: () => void; readonly signal: AbortSignal | undefined },
): Promise<Lock> => {
  const self = await processOf(process.pid);
  let told = false;
  while (!(await createWhole(file, JSON.stringify(self)))) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    // Released a moment ago.
    if (text === undefined) continue;
    const holder = parseHolder(text);
    if (holder && (await isAlive(holder))) {
      if (!told) onWait();
      told = true;
      await wait(lookAgainMs, undefined, { signal });
      continue;
    }
    if (holder?.group) await endGroup(holder.group);
    await removeIfStill(file, text);
  }
  return {
    record: (group) => replaceWhole(file, JSON.stringify({ ...self, group })),
    release: () => rm(file, { force: true }),
  };
};

const parseHolder = (text: string): v.InferOutput<typeof holderSchema> | undefined => {
  try {
    return v.parse(holderSchema, JSON.parse(text));
  } catch {
    // Not a lock that a command of this version has written.
    return undefined;
  }
};

/** The group is ours as long as its leader is the process that was recorded. */
const endGroup = async (leader: ProcessId): Promise<void> => {
  if (!(await isAlive(leader))) return;
  try {
    process.kill(-leader.pid, "SIGKILL");
  } catch (error) {
    // It has ended by itself just now.
    if (!hasCode(error, "ESRCH")) throw error;
  }
};
