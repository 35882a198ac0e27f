import type { Clock } from "../clock.js";
import type { Route, WebSocketApi } from "./api.js";

/** The account's limits, for a stage that sets none. */
const ACCOUNT_BURST = 5_000;
const ACCOUNT_RATE = 10_000;

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

/** The throttles of a stage: one for each route with its own settings, and one for all other routes. */
export const createThrottle = (
  { throttle, routes }: Pick<WebSocketApi, "throttle" | "routes">,
  clock: Clock,
) => {
  const bucketOf = ({ rateLimit = ACCOUNT_RATE, burstLimit = ACCOUNT_BURST }: WebSocketApi["throttle"]) =>
    createTokenBucket(clock, rateLimit, burstLimit);
  const shared = bucketOf(throttle);
  const own = new Map(
    routes.flatMap((route) => (route.throttle ? [[route.routeKey, bucketOf(route.throttle)] as const] : [])),
  );
  /** Takes a request's token; false when there is none. The route is undefined for a message without a route. */
  return (route: Route | undefined): boolean => (own.get(route?.routeKey ?? "") ?? shared)();
};

export const throttled = (route: Route | undefined): string =>
  `the throttle of ${route?.throttle ? `route ${route.routeKey}` : "the stage"} is used up`;
