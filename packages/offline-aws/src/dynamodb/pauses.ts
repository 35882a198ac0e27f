import type { Clock } from "../clock.js";

export interface Pause {
  readonly over: Promise<void>;
  /** Ends it before its time. */
  cut(): void;
}

/** Waits by the stack's clock. All of them can be ended at once, so that closing leaves no timer behind. */
export interface Pauses {
  start(ms: number): Pause;
  end(): void;
}

export const createPauses = (clock: Clock): Pauses => {
  const pauses = new Set<Pause>();
  return {
    start(ms) {
      const { promise, resolve } = withResolver();
      const finish = () => {
        pauses.delete(pause);
        resolve();
      };
      const cancel = clock.after(ms, finish);
      const cut = () => {
        cancel();
        finish();
      };
      const pause = { over: promise, cut };
      pauses.add(pause);
      return pause;
    },
    end() {
      for (const pause of pauses) pause.cut();
    },
  };
};

const withResolver = () => {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
};
