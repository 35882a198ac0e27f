import type { Arrival } from "./arrival.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { hashPrivate } from "./hash.js";
import { bucket, take, type Verdict } from "./rate-limit.js";

const minute = 60_000;
const hour = 60 * minute;

/** @throws {Failure} `RATE_LIMIT_EXCEEDED` when the user has created too many sessions. */
export const admitCreation = async (core: Core, userId: string): Promise<void> => {
  const limit = bucket(core.settings.rateLimitSessionsPerHour, hour);
  const verdict = await take(core, `create:user:${hashPrivate(userId, core.signingKey)}`, limit);
  if (!verdict.allowed) throw exceeded("sessions", verdict.retryAfter);
};

/** Counts a handshake from this address. */
export const countAttempt = (core: Core, { address }: Arrival): Promise<Verdict> => {
  const limit = bucket(core.settings.rateLimitConnectionAttemptsPerMin, minute);
  return take(core, `connect:address:${hashPrivate(address, core.signingKey)}`, limit);
};

/** Counts a join from this address. */
export const countJoin = (core: Core, { address }: Arrival): Promise<Verdict> => {
  const limit = bucket(core.settings.rateLimitListenerJoinsPerMin, minute);
  return take(core, `join:address:${hashPrivate(address, core.signingKey)}`, limit);
};

/** The limit that a refusal names in its details. */
export type LimitName = "sessions" | "connectionAttempts" | "listenerJoins" | "heartbeats";

export const exceeded = (limit: LimitName, retryAfter: number): Failure =>
  new Failure("RATE_LIMIT_EXCEEDED", `Too many requests: try again in ${retryAfter} s`, {
    retryAfter,
    details: { limit },
  });
