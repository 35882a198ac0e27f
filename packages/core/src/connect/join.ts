import type { ConnectQuery, SessionId } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import { allowed, limitExceeded, type Verdict } from "../store/rate-limit.js";
import * as SessionTable from "../store/session.table.js";
import { Failure } from "../value/failure.js";
import { requireTarget } from "../value/language.js";
import { readTicket } from "../value/ticket.js";
import { admitted, countAttempt, countJoin, countTicketUse, type Outcome, outcomeOf } from "./admission.js";
import { type Arrival, handshakeColumns } from "./arrival.js";

type Refresh = Extract<ConnectQuery, { action: "refreshConnection"; role: "listener" }>;
type Join = Extract<ConnectQuery, { action: "joinSession" }> | Refresh;

/** Seats beside the capacity, for listeners who return with a ticket while their old seat is still taken. */
const overlap = (capacity: number): number => Math.max(10, Math.ceil(capacity * 0.05));

/**
 * Seats a listener. The seat is reserved while the address's limits are counted, and released if they refuse. They
 * almost never do, and so a join waits for a single round of writes before its row.
 *
 * Refusals: `SESSION_NOT_FOUND`, `SESSION_FULL`, `RATE_LIMIT_EXCEEDED`, `SERVICE_UNAVAILABLE`.
 * @throws {Failure} `UNSUPPORTED_LANGUAGE`, before anything is written
 */
export const join = async (core: Core, arrival: Arrival, request: Join): Promise<Outcome> => {
  const { sessionId } = request;
  const targetLanguage = requireTarget(request.targetLanguage);
  const isRefresh = request.action === "refreshConnection" || undefined;
  // allSettled, because a reserved seat must be released also when counting the limits fails.
  const [reserving, counting] = await Promise.allSettled([
    SessionTable.reserveSeat(core, sessionId, core.settings.maxListenersPerSession),
    Promise.all([countAttempt(core, arrival), countJoin(core, arrival)]),
  ]);
  const isExempt = reserving.status === "fulfilled" && isShared(reserving.value);
  const attempt = counting.status === "fulfilled" ? counting.value[0] : undefined;
  return outcomeOf(isExempt ? allowed : attempt, async () => {
    if (reserving.status === "rejected") throw reserving.reason;
    const refusal: unknown =
      counting.status === "rejected"
        ? counting.reason
        : isExempt
          ? undefined
          : firstExceeded(...counting.value);
    if (refusal !== undefined) {
      await undoReservation(core, sessionId, reserving.value);
      throw refusal;
    }
    requireSeat(reserving.value);
    await insertListener(core, arrival, { sessionId, targetLanguage, isRefresh });
    return admitted;
  });
};

/**
 * Replaces a listener's connection by a new one. Without a valid ticket, or with one that was used too often, it is an
 * ordinary join in everything but its welcome.
 */
export const refreshListener = async (core: Core, arrival: Arrival, request: Refresh): Promise<Outcome> => {
  const { sessionId } = request;
  const targetLanguage = requireTarget(request.targetLanguage);
  const ticket = readTicket(request.ticket ?? "", core.signingKey, core.now());
  const isForSession = ticket?.role === "listener" && ticket.sessionId === sessionId;
  if (!isForSession || ticket.targetLanguage !== targetLanguage) return join(core, arrival, request);
  const capacity = core.settings.maxListenersPerSession;
  const bound = capacity + overlap(capacity);
  const old = { sessionId, connectionId: ticket.connectionId };
  const [use, reserved] = await Promise.all([
    countTicketUse(core, ticket),
    SessionTable.reserveSeat(core, sessionId, bound),
  ]);
  // When a lost audience comes back together, the dead hold as many seats as the living need. So each connection that
  // still holds a seat lets one more client in, whose welcome closes it.
  const mayExceed =
    use.allowed && reserved.outcome === "full" && (await ConnectionTable.claimSeat(core, old));
  const reservation = mayExceed
    ? await SessionTable.reserveSeat(core, sessionId, capacity + bound)
    : reserved;
  if (!use.allowed) {
    await undoReservation(core, sessionId, reservation);
    return join(core, arrival, request);
  }
  return outcomeOf(allowed, async () => {
    requireSeat(reservation);
    const listener = { sessionId, targetLanguage, replaces: old.connectionId, isRefresh: true };
    await insertListener(core, arrival, listener);
    return admitted;
  });
};

const insertListener = async (
  core: Core,
  arrival: Arrival,
  listener: Pick<ConnectionTable.Listener, "sessionId" | "targetLanguage" | "replaces" | "isRefresh">,
): Promise<void> => {
  const { sessionId, targetLanguage } = listener;
  const row = { ...handshakeColumns(core, arrival), role: "listener", ...listener } as const;
  const inserted = await ConnectionTable.insertOrUndo(core, row, async (state) => {
    // A row that may be there keeps its seat: whoever removes the row releases it.
    if (state !== "unknown") await SessionTable.releaseSeat(core, sessionId, core.now());
  });
  core.log.info(inserted ? "Listener joined" : "Repeated connect", { sessionId, targetLanguage });
};

const undoReservation = async (
  core: Core,
  sessionId: SessionId,
  { outcome }: SessionTable.Reservation,
): Promise<void> => {
  if (outcome === "reserved") await SessionTable.releaseSeat(core, sessionId, core.now());
};

const isShared = (reservation: SessionTable.Reservation): boolean =>
  reservation.outcome !== "not-found" && reservation.session.sharedNetwork;

const requireSeat = ({ outcome }: SessionTable.Reservation): void => {
  if (outcome === "not-found") throw new Failure("SESSION_NOT_FOUND");
  if (outcome === "full") throw new Failure("SESSION_FULL");
};

const firstExceeded = (attempt: Verdict, joined: Verdict): Failure | undefined => {
  if (!attempt.allowed) return limitExceeded("connectionAttempts", attempt.retryAfter);
  if (!joined.allowed) return limitExceeded("listenerJoins", joined.retryAfter);
  return undefined;
};
