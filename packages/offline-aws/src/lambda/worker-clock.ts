import { readShared } from "../clock.js";

/**
 * Makes `Date` follow the stack's clock, of which `shared` is the memory. Timers and `performance` stay real: a Lambda has
 * nothing to wait for, and its deadline is real.
 */
export const patchDate = (shared: Float64Array): void => {
  const RealDate = Date;
  const realNow = RealDate.now;
  const now = () => readShared(shared, realNow());
  RealDate.now = now;
  const patched = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
  });
  RealDate.prototype.constructor = patched;
  globalThis.Date = patched;
};
