/** The stack's time and timers. Tests set the time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once `delay` ms have passed on this clock. Returns the function that cancels it. */
  after(delay: number, callback: () => void): () => void;
}

/** A clock with the same time that never calls back: while a debugger pauses functions, time limits do not apply. */
export const withoutAlarms = (clock: Clock): Clock => ({
  now: () => clock.now(),
  after: () => () => undefined,
});

/** Node's longest timer, about 25 days. It fires at once on a longer delay. */
const longestDelayMs = 2 ** 31 - 1;

interface Timer {
  readonly due: number;
  readonly callback: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** The time (ms) of a clock by its shared memory: an offset, and the real time at which the clock is held (0: it runs). */
export const readShared = ([offset = 0, heldAt = 0]: Float64Array, realNow: number): number =>
  (heldAt === 0 ? realNow : heldAt) + offset;

/**
 * Real time plus an offset that `advance` moves. Offset and hold are in shared memory, so that `Date` in the functions'
 * workers follows.
 */
export class StackClock implements Clock {
  readonly shared = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  readonly #shared = new Float64Array(this.shared);
  readonly #timers = new Set<Timer>();

  now(): number {
    return readShared(this.#shared, Date.now());
  }

  after(delay: number, callback: () => void): () => void {
    const entry: Timer = { due: this.now() + delay, callback, timer: undefined };
    this.#arm(entry, delay);
    this.#timers.add(entry);
    return () => {
      clearTimeout(entry.timer);
      this.#timers.delete(entry);
    };
  }

  /** Moves the time on by `ms` and fires, in order, the timers that are due by then. */
  advance(ms: number): void {
    this.#moveOffset(ms);
    const due = [...this.#timers].filter((entry) => entry.due <= this.now()).sort((a, b) => a.due - b.due);
    for (const entry of this.#timers) this.#arm(entry, Math.max(0, entry.due - this.now()));
    for (const entry of due) this.#fire(entry);
  }

  /**
   * Stops the time; only `advance` moves it then. Timers still fire by real time. Returns the function that lets the time
   * run on from where it stands.
   */
  hold(): () => void {
    const heldAt = Date.now();
    this.#shared[1] = heldAt;
    return () => {
      this.#moveOffset(heldAt - Date.now());
      this.#shared[1] = 0;
    };
  }

  /** Cancels all timers. */
  close(): void {
    for (const { timer } of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #moveOffset(ms: number): void {
    this.#shared[0] = (this.#shared[0] ?? 0) + ms;
  }

  #arm(entry: Timer, delay: number): void {
    clearTimeout(entry.timer);
    entry.timer =
      delay > longestDelayMs
        ? setTimeout(() => this.#arm(entry, delay - longestDelayMs), longestDelayMs)
        : setTimeout(() => this.#fire(entry), delay);
  }

  #fire(entry: Timer): void {
    clearTimeout(entry.timer);
    if (this.#timers.delete(entry)) entry.callback();
  }
}
