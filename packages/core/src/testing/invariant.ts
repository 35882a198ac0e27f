import * as v from "valibot";
import { type Connection, connectionSchema } from "../store/connection.table.js";
import { isSpeaker, type Session, sessionSchema } from "../store/session.table.js";
import type { Stage } from "./stage.js";
import { defaults, minute } from "./values.js";

/**
 * The broken invariants, in words, once the streams have been handled. `settled`: nothing has happened for so long that
 * every row must have its open socket, and every open socket its row.
 */
export const violations = async (
  stage: Stage,
  { settled = true, capacity = defaults.maxListenersPerSession } = {},
): Promise<string[]> => {
  const sessions = v.parse(v.array(sessionSchema), await stage.rows("sessions"));
  const connections = v.parse(v.array(connectionSchema), await stage.rows("connections"));
  const active = sessions.filter(({ isActive }) => isActive);
  return [
    ...(new Set(active.map((row) => row.speakerConnectionId)).size < active.length
      ? ["1: a connection speaks for two sessions"]
      : []),
    ...sessions.flatMap((session) => inSession(session, connections, capacity, stage.now())),
    ...connections
      .filter((row) => row.role !== "refused" && !sessions.some((session) => isOf(row, session)))
      .map(({ connectionId }) => `4: ${connectionId} has no session`),
    ...(settled ? whenSettled(stage, active, connections) : []),
  ];
};

const isOf = (row: Connection, { sessionId }: Session): boolean =>
  row.role !== "refused" && row.sessionId === sessionId;

const inSession = (
  session: Session,
  connections: readonly Connection[],
  capacity: number,
  now: number,
): string[] => {
  const { sessionId, isActive, listenerCount, seatsChangedAt, graceUntil } = session;
  const rows = connections.filter((row) => isOf(row, session));
  const found: string[] = [];
  const most = capacity + Math.max(10, Math.ceil(capacity * 0.05));
  if (listenerCount < 0 || listenerCount > most) found.push(`2: ${sessionId} counts ${listenerCount}`);
  if (!isActive) {
    if (listenerCount !== 0) found.push(`2: ${sessionId} has ended and counts ${listenerCount}`);
    if (now - seatsChangedAt >= minute && rows.length > 0) {
      found.push(
        `4: ${sessionId} ended a minute ago and has ${rows.map(({ connectionId }) => connectionId)}`,
      );
    }
    return found;
  }
  const listeners = rows.filter(({ role }) => role === "listener").length;
  if (listenerCount !== listeners) {
    found.push(`2: ${sessionId} counts ${listenerCount} listeners, and there are ${listeners}`);
  }
  const speaker = connections.find(({ connectionId }) => connectionId === session.speakerConnectionId);
  if (graceUntil === undefined && speaker?.role !== "speaker") {
    found.push(`7: ${sessionId} has no speaker and no grace`);
  }
  if (graceUntil !== undefined && graceUntil + minute < now) found.push(`7: ${sessionId} outlives its grace`);
  if (session.expiresAt * 1000 + minute < now) found.push(`7: ${sessionId} outlives its time`);
  return found;
};

const whenSettled = (
  { sockets }: Stage,
  active: readonly Session[],
  connections: readonly Connection[],
): string[] => {
  const open = new Set(sockets.opened());
  const known = new Set(connections.map(({ connectionId }) => connectionId));
  return [
    ...active.flatMap((session) =>
      connections
        .filter(
          (row) => row.role === "speaker" && isOf(row, session) && !isSpeaker(session, row.connectionId),
        )
        .map(({ connectionId }) => `1: ${connectionId} speaks beside the speaker`),
    ),
    ...[...open].filter((id) => !known.has(id)).map((id) => `4: socket ${id} is open and nobody knows it`),
    ...[...known].filter((id) => !open.has(id)).map((id) => `7: ${id} has a row and no socket`),
  ];
};
