import type { Clock } from "./clock.js";
import type { Invoke } from "./lambda/invocation.js";
import type { Schedule } from "./plan.js";

/** Invokes each schedule's function once per period, by the stack's clock. Returns the function that stops it. */
export const startSchedules = (
  schedules: readonly Schedule[],
  { clock, invoke }: { readonly clock: Clock; readonly invoke: Invoke },
): (() => void) => {
  const stops = schedules.map(({ functionName, periodMs, input }) =>
    every(clock, periodMs, () => void invoke(functionName, input)),
  );
  return () => {
    for (const stop of stops) stop();
  };
};

/** Calls back once per period. However far the clock jumps, it does so once and goes on from there. */
export const every = (clock: Clock, periodMs: number, callback: () => void): (() => void) => {
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = clock.after(periodMs, () => {
      arm();
      callback();
    });
  };
  arm();
  return () => cancel();
};
