import type { ConnectQuery, ServerFrame, SessionId } from "@lectern/protocol";
import { type Attempt, countJoin, countTicketUse, exceeded } from "./admission.js";
import { type Arrival, origin } from "./arrival.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { requireTarget } from "./language.js";
import { isOpening, sessionExpiry } from "./lifetime.js";
import type { Verdict } from "./rate-limit.js";
import { refreshComplete } from "./reply.js";
import * as Session from "./session.js";
import * as Sessions from "./session.table.js";
import { readTicket } from "./ticket.js";

type Join = Omit<Extract<ConnectQuery, { action: "joinSession" }>, "action">;
type Refresh<Role> = Extract<ConnectQuery, { action: "refreshConnection"; role: Role }>;

/** Seats kept beside the capacity for listeners who come back with a ticket while their old seat is still taken. */
const overlap = (capacity: number): number => Math.max(10, Math.ceil(capacity * 0.05));

/**
 * Seats a listener. The seat is reserved beside the address's limits and given back if they refuse: almost always
 * they do not, and a join waits for one round of writes before its row.
 * @throws {Failure} `UNSUPPORTED_LANGUAGE`, `SESSION_NOT_FOUND`, `SESSION_FULL`, `RATE_LIMIT_EXCEEDED`,
 * `SERVICE_UNAVAILABLE`.
 */
export const join = async (core: Core, arrival: Arrival, request: Join, attempt: Attempt): Promise<void> => {
  const { sessionId } = request;
  const targetLanguage = requireTarget(request.targetLanguage);
  // Settled, both: a seat that was reserved must be given back also when the limits break.
  const [reserved, limits] = await Promise.allSettled([
    Sessions.reserveSeat(core, sessionId, core.settings.maxListenersPerSession),
    Promise.all([attempt.verdict(), countJoin(core, arrival)]),
  ]);
  if (reserved.status === "rejected") throw reserved.reason;
  const reservation = reserved.value;
  const sharedNetwork = reservation.outcome !== "not-found" && reservation.session.sharedNetwork;
  if (sharedNetwork) attempt.exempt();
  const refusal: unknown =
    limits.status === "rejected" ? limits.reason : sharedNetwork ? undefined : firstExceeded(...limits.value);
  if (refusal !== undefined) {
    if (reservation.outcome === "reserved") await Sessions.releaseSeat(core, sessionId, core.now());
    throw refusal;
  }
  requireSeat(reservation);
  await seat(core, arrival, { sessionId, targetLanguage });
};

/**
 * A listener's new connection takes the place of its old one. Without a valid ticket, or with one that has been used too
 * often, it is an ordinary join.
 */
export const refreshListener = async (
  core: Core,
  arrival: Arrival,
  request: Refresh<"listener">,
  attempt: Attempt,
): Promise<void> => {
  const { sessionId } = request;
  const targetLanguage = requireTarget(request.targetLanguage);
  const ticket = readTicket(request.ticket ?? "", core.signingKey, core.now());
  const isForThis = ticket?.role === "listener" && ticket.sessionId === sessionId;
  if (!isForThis || ticket.targetLanguage !== targetLanguage) return join(core, arrival, request, attempt);
  const capacity = core.settings.maxListenersPerSession;
  const [use, reservation] = await Promise.all([
    countTicketUse(core, ticket),
    Sessions.reserveSeat(core, sessionId, capacity + overlap(capacity)),
  ]);
  if (!use.allowed) {
    if (reservation.outcome === "reserved") await Sessions.releaseSeat(core, sessionId, core.now());
    return join(core, arrival, request, attempt);
  }
  attempt.exempt();
  requireSeat(reservation);
  await seat(core, arrival, { sessionId, targetLanguage, replaces: ticket.connectionId });
};

/**
 * A speaker's new connection takes over the session from the old one, or ends its grace period.
 * @throws {Failure} `UNAUTHORIZED`, `FORBIDDEN` to another user, `SESSION_NOT_FOUND`, `SERVICE_UNAVAILABLE`.
 */
export const refreshSpeaker = async (
  core: Core,
  arrival: Arrival,
  { sessionId, ticket: text = "" }: Refresh<"speaker">,
): Promise<void> => {
  const { connectionId, connectedAt, userId } = arrival;
  if (userId === undefined) throw new Failure("UNAUTHORIZED");
  const giveBack = () => Session.giveBack(core, { sessionId, connectionId });
  const moving = Sessions.moveSpeaker(core, sessionId, {
    speakerUserId: userId,
    speakerConnectionId: connectionId,
    speakerSince: connectedAt,
    expiresAt: sessionExpiry(core.now(), core.settings),
  });
  const move = await moving.catch(async (error) => {
    // Perhaps it was done all the same.
    await Promise.allSettled([giveBack()]);
    throw error;
  });
  switch (move.outcome) {
    case "forbidden":
      throw new Failure("FORBIDDEN");
    case "not-found":
      throw new Failure("SESSION_NOT_FOUND");
    case "repeated":
      return core.log.info("Repeated connect", { sessionId });
    case "moved": {
      const { replaces } = move;
      const ticket = readTicket(text, core.signingKey, core.now());
      const isTakeover = ticket?.role !== "speaker" || ticket.connectionId !== replaces;
      const row = { ...origin(core, arrival), role: "speaker", sessionId, replaces, isTakeover } as const;
      const inserted = await Connections.insertOr(core, row, async (state) => {
        if (state !== "there before") await giveBack();
      });
      core.log.info(inserted ? "Speaker refreshed" : "Repeated connect", { sessionId });
    }
  }
};

/**
 * A connection has gone: its row goes, and what hung on it. Once only, since whoever removes the row does the rest.
 * @param closed the close code that API Gateway saw, and the connection's age (ms)
 */
export const leave = async (
  core: Core,
  connectionId: string,
  closed: { readonly code: number | undefined; readonly ageMs: number },
): Promise<void> => {
  const heldAt = core.now();
  const connection = await Connections.remove(core, connectionId);
  if (!connection) return core.log.info("Repeated disconnect, or forgotten before");
  await forgotten(core, connection, heldAt, Session.isDeliberate(closed.code, closed.ageMs));
};

/** Forgets a connection whose socket is gone or closed by us. A speaker that was lost so gets its grace period. */
export const forget = async (core: Core, connectionId: string): Promise<void> => {
  const heldAt = core.now();
  const connection = await Connections.remove(core, connectionId);
  if (connection) await forgotten(core, connection, heldAt, false);
};

/**
 * Sends a last frame, closes the socket, then removes the row: it is the work list, so a crash in between only repeats
 * a close. Whatever the connection held is gone with its session. A socket that may not be open yet is left to its
 * welcome.
 */
export const dismiss = async (
  core: Core,
  { connectionId, connectedAt }: Connections.Connection,
  last: ServerFrame,
): Promise<Dismissal> => {
  const sent = await core.sockets.send(connectionId, last);
  if (sent === "gone" && isOpening(connectedAt, core.now())) return "opening";
  await retire(core, connectionId);
  return sent === "gone" ? "gone" : "told";
};

/** Closes the socket of a connection that holds nothing any more, then deletes its row. */
export const retire = async (core: Core, connectionId: string): Promise<void> => {
  await core.sockets.close(connectionId);
  await Connections.erase(core, connectionId);
};

/** `opening`: the socket may not be open yet, so nothing was done. */
export type Dismissal = "told" | "gone" | "opening";

/** Closes the socket of a connection that is not wanted any more while its session goes on, and forgets it. */
export const close = async (core: Core, connectionId: string): Promise<void> => {
  await core.sockets.close(connectionId);
  await forget(core, connectionId);
};

/**
 * Confirms that this connection is in place: nothing changes.
 * @throws {Failure} `FORBIDDEN` when it does not belong to that session.
 */
export const confirm = async (
  core: Core,
  connectionId: string,
  sessionId: SessionId,
): Promise<ServerFrame> => {
  const [connection, session] = await Promise.all([
    Connections.get(core, connectionId),
    Sessions.get(core, sessionId),
  ]);
  if (!connection || connection.role === "refused" || connection.sessionId !== sessionId || !session) {
    throw new Failure("FORBIDDEN");
  }
  return refreshComplete(connection, session, core.now());
};

const seat = async (
  core: Core,
  arrival: Arrival,
  listener: { readonly sessionId: SessionId; readonly targetLanguage: string; readonly replaces?: string },
): Promise<void> => {
  const { sessionId, targetLanguage } = listener;
  const row = { ...origin(core, arrival), role: "listener", ...listener } as const;
  const inserted = await Connections.insertOr(core, row, async (state) => {
    // Whoever removes the row frees its seat.
    if (state !== "unknown") await Sessions.releaseSeat(core, sessionId, core.now());
  });
  core.log.info(inserted ? "Listener joined" : "Repeated connect", { sessionId, targetLanguage });
};

const forgotten = async (
  core: Core,
  connection: Connections.Connection,
  heldAt: number,
  deliberate: boolean,
): Promise<void> => {
  if (connection.role === "listener") await Sessions.releaseSeat(core, connection.sessionId, heldAt);
  if (connection.role === "speaker") await Session.speakerGone(core, connection, deliberate);
};

const requireSeat = ({ outcome }: Sessions.Reservation): void => {
  if (outcome === "not-found") throw new Failure("SESSION_NOT_FOUND");
  if (outcome === "full") throw new Failure("SESSION_FULL");
};

const firstExceeded = (attempt: Verdict, joined: Verdict): Failure | undefined => {
  if (!attempt.allowed) return exceeded("connectionAttempts", attempt.retryAfter);
  if (!joined.allowed) return exceeded("listenerJoins", joined.retryAfter);
  return undefined;
};
