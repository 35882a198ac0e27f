import type { ConnectQuery, ServerFrame, SessionId } from "@lectern/protocol";
import { countJoin, exceeded } from "./admission.js";
import { type Arrival, origin } from "./arrival.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { requireTarget } from "./language.js";
import { isOpening, sessionExpiry } from "./lifetime.js";
import type { Verdict } from "./rate-limit.js";
import { welcome } from "./reply.js";
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
 * `SERVICE_UNAVAILABLE`; in its details the `sessionId` it was for.
 */
export const join = async (
  core: Core,
  arrival: Arrival,
  request: Join,
  attempts: () => Promise<Verdict>,
): Promise<void> => {
  const { sessionId, targetLanguage } = request;
  const details = { sessionId };
  requireTarget(targetLanguage);
  const [reservation, attempt, joined] = await Promise.all([
    Sessions.reserveSeat(core, sessionId, core.settings.maxListenersPerSession),
    attempts(),
    countJoin(core, arrival),
  ]);
  const sharedNetwork = reservation.outcome !== "not-found" && reservation.session.sharedNetwork;
  const limit = sharedNetwork ? undefined : firstExceeded(attempt, joined, details);
  if (limit) {
    if (reservation.outcome === "reserved") await Sessions.releaseSeat(core, sessionId);
    throw limit;
  }
  if (reservation.outcome === "not-found") throw new Failure("SESSION_NOT_FOUND", undefined, { details });
  if (reservation.outcome === "full") throw new Failure("SESSION_FULL", undefined, { details });
  await seat(core, arrival, { sessionId, targetLanguage });
};

/** A listener's new connection takes the place of its old one; without a valid ticket it is an ordinary join. */
export const refreshListener = async (
  core: Core,
  arrival: Arrival,
  request: Refresh<"listener">,
  attempts: () => Promise<Verdict>,
): Promise<void> => {
  const { sessionId, targetLanguage } = request;
  const ticket = readTicket(request.ticket ?? "", core.signingKey, core.now());
  if (ticket?.role !== "listener" || ticket.sessionId !== sessionId) {
    return join(core, arrival, { sessionId, targetLanguage }, attempts);
  }
  requireTarget(targetLanguage);
  const capacity = core.settings.maxListenersPerSession;
  const reservation = await Sessions.reserveSeat(core, sessionId, capacity + overlap(capacity));
  if (reservation.outcome === "not-found") {
    throw new Failure("SESSION_NOT_FOUND", undefined, { details: { sessionId } });
  }
  if (reservation.outcome === "full") {
    throw new Failure("SESSION_FULL", undefined, { details: { sessionId } });
  }
  await seat(core, arrival, { sessionId, targetLanguage, replaces: ticket.connectionId });
};

/**
 * A speaker's new connection takes over the session from the old one, or ends its grace period.
 * @throws {Failure} `UNAUTHORIZED`, `FORBIDDEN` to another user, `SESSION_NOT_FOUND`, `SERVICE_UNAVAILABLE`.
 */
export const refreshSpeaker = async (
  core: Core,
  arrival: Arrival,
  { sessionId }: Refresh<"speaker">,
): Promise<void> => {
  const { connectionId, connectedAt, userId } = arrival;
  if (userId === undefined) throw new Failure("UNAUTHORIZED");
  const before = await Sessions.moveSpeaker(core, sessionId, {
    speakerUserId: userId,
    speakerConnectionId: connectionId,
    speakerSince: connectedAt,
    expiresAt: sessionExpiry(core.now(), core.settings),
  });
  if (before === "forbidden") throw new Failure("FORBIDDEN", undefined, { details: { sessionId } });
  if (before === "not-found") throw new Failure("SESSION_NOT_FOUND", undefined, { details: { sessionId } });
  if (before.speakerConnectionId === connectionId) return core.log.warn("Repeated connect", { sessionId });
  const row = {
    ...origin(core, arrival),
    role: "speaker",
    sessionId,
    replaces: before.speakerConnectionId,
  } as const;
  await Connections.insertOr(core, row, () => Sessions.restoreSpeaker(core, before, connectionId));
  core.log.info("Speaker refreshed", { sessionId });
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
  const connection = await Connections.remove(core, connectionId);
  if (!connection) return core.log.info("Repeated disconnect, or forgotten before");
  await forgotten(core, connection, Session.isDeliberate(closed.code, closed.ageMs));
};

/** Forgets a connection whose socket is gone or closed by us. A speaker that was lost so gets its grace period. */
export const forget = async (core: Core, connectionId: string): Promise<void> => {
  const connection = await Connections.remove(core, connectionId);
  if (connection) await forgotten(core, connection, false);
};

/**
 * Sends a last frame, closes the socket, then removes the row: it is the work list, so a crash in between only repeats
 * a close. Whatever the connection held is gone with its session. False: the socket may not be open yet, so nothing was
 * done; its welcome will do it.
 */
export const dismiss = async (
  core: Core,
  { connectionId, connectedAt }: Connections.Connection,
  last: ServerFrame,
): Promise<boolean> => {
  const sent = await core.sockets.send(connectionId, last);
  if (sent === "gone" && isOpening(connectedAt, core.now())) return false;
  await core.sockets.close(connectionId);
  await Connections.remove(core, connectionId);
  return true;
};

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
  return welcome({ ...connection, replaces: connectionId }, session, core.now());
};

const seat = async (
  core: Core,
  arrival: Arrival,
  listener: { readonly sessionId: SessionId; readonly targetLanguage: string; readonly replaces?: string },
): Promise<void> => {
  const { sessionId, targetLanguage } = listener;
  const row = { ...origin(core, arrival), role: "listener", ...listener } as const;
  const inserted = await Connections.insertOr(core, row, () => Sessions.releaseSeat(core, sessionId));
  core.log.info(inserted ? "Listener joined" : "Repeated connect", { sessionId, targetLanguage });
};

const forgotten = async (
  core: Core,
  connection: Connections.Connection,
  deliberate: boolean,
): Promise<void> => {
  if (connection.role === "listener") await Sessions.releaseSeat(core, connection.sessionId);
  if (connection.role === "speaker") await Session.speakerGone(core, connection, deliberate);
};

const firstExceeded = (
  attempt: Verdict,
  joined: Verdict,
  details: Record<string, string>,
): Failure | undefined => {
  if (!attempt.allowed) return exceeded("connectionAttempts", attempt.retryAfter, details);
  if (!joined.allowed) return exceeded("listenerJoins", joined.retryAfter, details);
  return undefined;
};
