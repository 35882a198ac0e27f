import type { Arrival } from "./arrival.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { hashConnectionId, hashPrivate } from "./hash.js";
import { bucket, take, type Verdict } from "./rate-limit.js";
import type { Ticket } from "./ticket.js";

const minute = 60_000;
const hour = 60 * minute;

/** @throws {Failure} `RATE_LIMIT_EXCEEDED` when the user has created too many sessions. */
export const admitCreation = async (core: Core, userId: string): Promise<void> => {
  const limit = bucket(core.settings.rateLimitSessionsPerHour, hour);
  const verdict = await take(core, `create:user:${hashPrivate(userId, core.signingKey)}`, limit);
  if (!verdict.allowed) throw exceeded("sessions", verdict.retryAfter);
};

/** A handshake among the connection attempts of its address. */
export interface Attempt {
  /** Counts it, the first time that somebody asks; whether its address has that many. */
  verdict(): Promise<Verdict>;
  /** From now on its address's limit does not concern it. */
  exempt(): void;
}

export const attemptOf = (core: Core, { address }: Arrival): Attempt => {
  let verdict: Promise<Verdict> | undefined;
  return {
    verdict: () => {
      const limit = bucket(core.settings.rateLimitConnectionAttemptsPerMin, minute);
      verdict ??= take(core, `connect:address:${hashPrivate(address, core.signingKey)}`, limit);
      return verdict;
    },
    exempt: () => {
      verdict = Promise.resolve({ allowed: true });
    },
  };
};

/** Counts a join from this address. */
export const countJoin = (core: Core, { address }: Arrival): Promise<Verdict> => {
  const limit = bucket(core.settings.rateLimitListenerJoinsPerMin, minute);
  return take(core, `join:address:${hashPrivate(address, core.signingKey)}`, limit);
};

const ticketUses = 5;

/**
 * Counts a refresh by a ticket. A client may have to try a few times; without a limit one ticket would fill a session from
 * one address.
 */
export const countTicketUse = (core: Core, { connectionId }: Ticket): Promise<Verdict> =>
  take(core, `refresh:connection:${hashConnectionId(connectionId)}`, bucket(ticketUses, hour));

/** The limit that a refusal names in its details. */
export type LimitName = "sessions" | "connectionAttempts" | "listenerJoins" | "heartbeats";

export const exceeded = (limit: LimitName, retryAfter: number): Failure =>
  new Failure("RATE_LIMIT_EXCEEDED", `Too many requests: try again in ${retryAfter} s`, {
    retryAfter,
    details: { limit },
  });
