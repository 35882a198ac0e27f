import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import * as v from "valibot";

/** A process that no later one is taken for, though its number may be used again. */
export const processSchema = v.object({ pid: v.number(), started: v.string() });
export type ProcessId = v.InferOutput<typeof processSchema>;

/** Undefined when there is none of that number, or it has ended and only waits to be buried. */
export const processOf = async (pid: number): Promise<ProcessId | undefined> => {
  const started = await (process.platform === "linux" ? startedByProc(pid) : startedByPs(pid));
  return started === undefined ? undefined : { pid, started };
};

export const isAlive = async ({ pid, started }: ProcessId): Promise<boolean> =>
  (await processOf(pid))?.started === started;

/** In clock ticks since the machine's start. What comes before is the program's name, which may hold anything. */
const startedByProc = async (pid: number): Promise<string | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" ? undefined : fields?.[19];
};

const startedByPs = async (pid: number): Promise<string | undefined> => {
  const found = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(
    () => undefined,
  );
  const [, state, started] = found?.stdout.trim().match(/^(\S+)\s+(.+)$/) ?? [];
  return state?.startsWith("Z") ? undefined : started;
};
