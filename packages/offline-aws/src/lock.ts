import { setTimeout as wait } from "node:timers/promises";
import { hasCode, UserError } from "./user-error.js";

/** A lock is stale when its holder, which refreshes it every second, has not done so for this long. */
const staleMs = 10_000;

const retryMs = 200;

/**
 * Runs `work` while no other process of this machine holds the lock `file`. If a holder was killed, another process takes
 * the lock after ten seconds, so `work` must not block the event loop for that long. `work` gets a signal. It is aborted
 * when the caller aborts, and when the lock is lost: another process takes it while this machine sleeps.
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
      onCompromised: () =>
        lost.abort(new UserError(`The lock ${file} was lost to another command: try again.`)),
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
