import { setTimeout as sleep } from "node:timers/promises";
import type { Drain } from "@lectern/core";

/** The clients of a drain or of one step, by their outcome. */
type Counts = Pick<Drain.Stepped, "asked" | "gone" | "failed" | "opening">;

/** The progress of a drain. */
export interface Tally extends Counts {
  /** Only connections from before this time are asked (ms since the epoch); undefined until the first step says. */
  readonly connectedBefore: number | undefined;
  /** True once every connection has been looked at. */
  readonly finished: boolean;
}

export interface WalkOptions {
  /** Makes the stage take one step. */
  readonly step: (step: Drain.Step) => Promise<Drain.Stepped>;
  /** The most clients to ask in a second. */
  readonly rate: number;
  readonly connectedBefore: number | undefined;
  readonly url: string | undefined;
  /** Called after each step. */
  readonly onStep: (tally: Tally) => void;
  /** Ends the walk before the next step. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Clients that are asked together reconnect together: each step asks a fifth of a second's share. */
const stepsPerSecond = 5;

/**
 * Asks every client, step by step, at most `rate` a second. All clients of a step may be in one full session, which has
 * five per cent more seats than listeners: small steps give the others time to change over.
 */
export const walk = async (options: WalkOptions): Promise<Tally> => {
  const { step, rate, url, onStep, signal, now = () => performance.now(), wait = pause } = options;
  const limit = Math.max(1, Math.floor(rate / stepsPerSecond));
  let tally: Tally = { ...nothing, connectedBefore: options.connectedBefore };
  let after: string | undefined;
  while (!signal.aborted && !tally.finished) {
    const begun = now();
    const { connectedBefore } = tally;
    const stepped = await step({ limit, after, connectedBefore, url });
    tally = add(tally, stepped);
    onStep(tally);
    after = stepped.next;
    const due = begun + ((stepped.asked + stepped.failed) / rate) * 1_000;
    if (!tally.finished && due > now()) await wait(due - now(), signal);
  }
  return tally;
};

export const nothing: Tally = {
  asked: 0,
  gone: 0,
  failed: 0,
  opening: 0,
  connectedBefore: undefined,
  finished: false,
};

const add = (tally: Tally, stepped: Drain.Stepped): Tally => ({
  asked: tally.asked + stepped.asked,
  gone: tally.gone + stepped.gone,
  failed: tally.failed + stepped.failed,
  opening: tally.opening + stepped.opening,
  connectedBefore: stepped.connectedBefore,
  finished: stepped.next === undefined,
});

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
