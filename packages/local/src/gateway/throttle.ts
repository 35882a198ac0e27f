import type { Clock } from "../clock.js";

/** Takes one token; false when there is none. */
export type TakeToken = () => boolean;

/** A token bucket of `burst` tokens that refills by `rate` per second. A zero in either lets nothing through. */
export const createTokenBucket = (clock: Clock, rate: number, burst: number): TakeToken => {
  let tokens = burst;
  let filledAt = clock.now();
  return () => {
    if (rate <= 0) return false;
    const now = clock.now();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * rate);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
};
