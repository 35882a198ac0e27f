/**
 * Makes `Date` run ahead of real time by `offset[0]` ms. Timers and `performance` stay real: a Lambda has
 * nothing to wait for, and its deadline is real.
 */
export const patchDate = (offset: Float64Array): void => {
  const RealDate = Date;
  const realNow = RealDate.now;
  const now = () => realNow() + (offset[0] ?? 0);
  RealDate.now = now;
  const patched = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
  });
  RealDate.prototype.constructor = patched;
  globalThis.Date = patched;
};
