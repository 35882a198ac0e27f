/** Calls back after a delay in ms. Returns the function that cancels it. */
type After = (delay: number, callback: () => void) => () => void;

const tickMs = 25;

/** How long this process has waited for the machine, in ms. Only differences mean anything. */
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

/** One interval serves all users: by as much as it is late, the machine had no time for this process. */
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
 * A timer that does not count the time in which this process was kept waiting, by a busy machine or by its own work. A
 * time limit then cuts what hangs, and not what is slow. An answer that arrived meanwhile is read before time is up.
 */
export const afterFairly = (after: After, delay: number, callback: () => void): (() => void) => {
  const meter = startMeter();
  let seen = meter.lostMs();
  let open = true;
  const close = (): void => {
    if (open) meter.close();
    open = false;
  };
  const wait = (ms: number): (() => void) =>
    after(ms, () => {
      const late = meter.lostMs() - seen;
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
