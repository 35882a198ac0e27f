import type { Core } from "../port/core.js";
import { bucket, limitExceeded, take, type Verdict } from "../store/rate-limit.js";
import { Failure } from "../value/failure.js";
import { hashId, hashPrivate } from "../value/hash.js";
import type { Ticket } from "../value/ticket.js";
import type { Arrival } from "./arrival.js";

const minute = 60_000;
const hour = 60 * minute;

/** Counts a user's new session. @throws {Failure} `RATE_LIMIT_EXCEEDED` when the user has created too many sessions. */
export const admitCreation = async (core: Core, userId: string): Promise<void> => {
  const limit = bucket(core.settings.rateLimitSessionsPerHour, hour);
  const verdict = await take(core, `create:user:${hashPrivate(userId, core.signingKey)}`, limit);
  if (!verdict.allowed) throw limitExceeded("sessions", verdict.retryAfter);
};

/** Counts a connection attempt of the handshake's address. */
export const countAttempt = (core: Core, { address }: Arrival): Promise<Verdict> => {
  const limit = bucket(core.settings.rateLimitConnectionAttemptsPerMin, minute);
  return take(core, `connect:address:${hashPrivate(address, core.signingKey)}`, limit);
};

/** Counts a join from the handshake's address. */
export const countJoin = (core: Core, { address }: Arrival): Promise<Verdict> => {
  const limit = bucket(core.settings.rateLimitListenerJoinsPerMin, minute);
  return take(core, `join:address:${hashPrivate(address, core.signingKey)}`, limit);
};

const ticketUses = 5;

/** Counts a refresh by a ticket. A client may need a few tries; without a limit one ticket could fill a session. */
export const countTicketUse = (core: Core, { connectionId }: Ticket): Promise<Verdict> =>
  take(core, `refresh:connection:${hashId(connectionId)}`, bucket(ticketUses, hour));

/** The result of a handshake. */
export interface Outcome {
  /** Why the client is refused; undefined when it is let in. */
  readonly refusal?: Failure;
  /**
   * The verdict on the address's connection attempts, decided once per handshake:
   * - `allowed` without counting: a verified speaker, or a listener whose ticket may still be used;
   * - `allowed` after counting: a listener of a session on a shared network;
   * - as counted: every other listener, beside the reservation of its seat;
   * - undefined: not counted yet. Only a refusal by frame still needs to be.
   */
  readonly attempt?: Verdict | undefined;
}

/** The client is let in. */
export const admitted: Outcome = {};

/** Turns a refusal that `act` throws into a value, with the verdict on the address's attempts. Bugs are thrown on. */
export const outcomeOf = async (
  attempt: Verdict | undefined,
  act: () => Promise<Outcome>,
): Promise<Outcome> => {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { refusal: error, attempt };
  }
};
