import { setTimeout as wait } from "node:timers/promises";
import { hasCode } from "./user-error.js";

/** A lock is stale when its holder, which refreshes it every second, has not done so for this long. */
const staleMs = 5_000;

const retryMs = 200;

/**
 * Runs `work` while no other process of this machine holds the lock `file`. A lock whose holder was killed is taken over
 * after five seconds. The signal that `work` gets is aborted when the caller aborts, or when the lock was lost, for
 * example to another process while this machine slept.
 * @throws the signal's reason when it is aborted
 */
export const withLock = async <Result>(
  file: string,
  { onWait, signal }: { readonly onWait?: () => void; readonly signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  // Loaded only where a lock is needed: hardly any command needs one.
  const { lock } = await import("proper-lockfile");
  const lost = new AbortController();
  const take = () =>
    lock(file, {
      lockfilePath: file,
      realpath: false,
      stale: staleMs,
      update: 1_000,
      onCompromised: (error) => lost.abort(error),
    }).catch((error: unknown) => {
      if (!hasCode(error, "ELOCKED")) throw error;
      return undefined;
    });
  let release = await take();
  if (!release) onWait?.();
  while (!release) {
    await wait(retryMs, undefined, { signal });
    release = await take();
  }
  try {
    return await work(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
  } finally {
    if (!lost.signal.aborted) await release();
  }
};
