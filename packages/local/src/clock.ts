/** Where the stack reads the time and waits for it, so that tests can set it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once this clock has moved on by `delay` ms. Returns the function that cancels it. */
  after(delay: number, callback: () => void): () => void;
}

/** What Node can wait for at once, about 25 days; a longer delay it takes for none. */
const longestDelayMs = 2 ** 31 - 1;

interface Timer {
  readonly due: number;
  readonly callback: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Real time plus an offset that only `advance` moves. The offset lives in shared memory, so that the Lambda
 * workers' `Date` follows it.
 */
export class StackClock implements Clock {
  readonly shared = new SharedArrayBuffer(8);
  readonly #offset = new Float64Array(this.shared);
  readonly #timers = new Set<Timer>();

  now(): number {
    return Date.now() + (this.#offset[0] ?? 0);
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
    this.#offset[0] = (this.#offset[0] ?? 0) + ms;
    const due = [...this.#timers].filter((entry) => entry.due <= this.now()).sort((a, b) => a.due - b.due);
    for (const entry of this.#timers) this.#arm(entry, Math.max(0, entry.due - this.now()));
    for (const entry of due) this.#fire(entry);
  }

  /** Cancels everything that still waits. */
  close(): void {
    for (const { timer } of this.#timers) clearTimeout(timer);
    this.#timers.clear();
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
