/** The stack's time. Tests can set it and move it on. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once this clock has moved on by `delay` ms. Returns the function that cancels it. */
  after(delay: number, callback: () => void): () => void;
}

/** The longest delay of a Node timer, about 25 days. A longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1;

interface Timer {
  readonly due: number;
  readonly callback: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** The time (ms) by a clock's shared memory, which holds its offset and the real time at which it was stopped, or 0. */
export const readShared = ([offset = 0, heldAt = 0]: Float64Array, realNow: number): number =>
  (heldAt === 0 ? realNow : heldAt) + offset;

/**
 * Real time plus an offset that only `advance` moves, unless it is held. Both live in shared memory, so that the Lambda
 * workers' `Date` follows.
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

  /** Moves the time on by `ms`; everything that was waiting for a moment in between is called, in order. */
  advance(ms: number): void {
    this.#moveOffset(ms);
    const due = [...this.#timers].filter((entry) => entry.due <= this.now()).sort((a, b) => a.due - b.due);
    for (const entry of this.#timers) this.#arm(entry, Math.max(0, entry.due - this.now()));
    for (const entry of due) this.#fire(entry);
  }

  /**
   * Stops the time: only `advance` moves it. Timers still fire by the real clock. Returns the
   * function that lets it run on from where it stands.
   */
  hold(): () => void {
    const heldAt = Date.now();
    this.#shared[1] = heldAt;
    return () => {
      this.#moveOffset(heldAt - Date.now());
      this.#shared[1] = 0;
    };
  }

  /** Cancels everything that still waits. */
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
