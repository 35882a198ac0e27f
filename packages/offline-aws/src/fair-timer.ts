import { closeSync, openSync, readSync } from "node:fs";

/** Calls back after a delay in ms. Returns the function that cancels it. */
type After = (delay: number, callback: () => void) => () => void;

const tickMs = 25;

/** How long this process has waited for the machine, in ms. Only differences between two readings have a meaning. */
interface LatenessMeter {
  lostMs(): number;
  close(): void;
}

let timer: NodeJS.Timeout | undefined;
let users = 0;
let lost = 0;
let tickedAt = 0;

const tick = (): void => {
  const now = performance.now();
  lost += Math.max(0, now - tickedAt - tickMs);
  tickedAt = now;
};

/** One interval serves all timers. While the interval is late, the machine has no time for this process. */
const startMeter = (): LatenessMeter => {
  users += 1;
  if (!timer) {
    tickedAt = performance.now();
    timer = setInterval(tick, tickMs).unref();
  }
  return {
    // The tick that is due may not have run yet.
    lostMs: () => lost + Math.max(0, performance.now() - tickedAt - tickMs),
    close: () => {
      users -= 1;
      if (users > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
};

/**
 * A timer that does not count the time in which this process had to wait, for a busy machine or for its own work. So a time
 * limit ends work that hangs, but not work that is slow. An answer that arrived meanwhile is read before the limit applies.
 * @param waitedMs how long the timed thread has waited for a processor, in ms; that time does not count either
 */
export const afterFairly = (
  after: After,
  delay: number,
  callback: () => void,
  waitedMs: () => number = () => 0,
): (() => void) => {
  const meter = startMeter();
  const uncounted = (): number => meter.lostMs() + waitedMs();
  let seen = uncounted();
  let open = true;
  const close = (): void => {
    if (open) meter.close();
    open = false;
  };
  const wait = (ms: number): (() => void) =>
    after(ms, () => {
      const late = uncounted() - seen;
      seen += late;
      if (late >= 1) {
        cancel = wait(late);
        return;
      }
      close();
      callback();
    });
  let cancel = wait(delay);
  return () => {
    cancel();
    close();
  };
};

/**
 * Measures how long a thread was ready to run and had no processor, in ms since its start. The main thread's own lateness
 * does not show this: on a busy machine the system prefers a thread that mostly sleeps to a thread that computes.
 * @param thread the target of the thread's link `/proc/thread-self`; undefined where the system has none: nothing is measured then
 */
export const openThreadMeter = (thread: string | undefined) => {
  const file = openForReading(`/proc/${thread}/schedstat`);
  const buffer = Buffer.alloc(64);
  return {
    waitedMs: (): number => {
      if (file === undefined) return 0;
      try {
        const text = buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
        return Number(text.split(" ")[1]) / 1e6;
      } catch {
        // The thread has ended.
        return 0;
      }
    },
    close: (): void => {
      if (file !== undefined) closeSync(file);
    },
  };
};

const openForReading = (path: string): number | undefined => {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
};
