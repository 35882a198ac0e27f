import { onSpeakerGone } from "../disconnect/speaker.js";
import { refusal, sessionEnded } from "../frame/frames.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";

/** A speaker's row may appear this much later than its session names it. */
const speakerRowMs = 60_000;
/** A refused client got its refusal long before this age. */
const refusedMs = 60_000;

/** The rows of one scan, prepared for look-ups. */
export interface Scanned {
  readonly sessions: ReadonlyMap<string, SessionTable.Session>;
  /** Session ids by the connection ids of their speakers' rows. */
  readonly speakers: ReadonlyMap<string, string>;
  /** Sessions with an unreadable row of their own or of a connection: not everything is known about them. */
  readonly inDoubt: ReadonlySet<unknown>;
}

/** Ends a session whose time or grace period is over. Starts the grace period of one whose speaker has no row. */
export const endIfDue = async (
  core: Core,
  session: SessionTable.Session,
  { speakers }: Scanned,
): Promise<boolean> => {
  const { sessionId, isActive, expiresAt, graceUntil, speakerConnectionId, speakerSince } = session;
  if (!isActive) return false;
  const now = core.now();
  if (expiresAt * 1000 <= now) {
    return SessionTable.end(core, sessionId, "expired", { expiredBy: Math.floor(now / 1000) });
  }
  if (graceUntil !== undefined) {
    if (graceUntil > now) return false;
    return SessionTable.end(core, sessionId, "speakerLost", { speakerConnectionId, graceUntil });
  }
  if (speakers.get(speakerConnectionId) === sessionId || now - speakerSince < speakerRowMs) return false;
  // The row may have been written since the scan.
  const row = await ConnectionTable.get(core, speakerConnectionId);
  if (row?.role === "speaker" && row.sessionId === sessionId) return false;
  await onSpeakerGone(core, { sessionId, connectionId: speakerConnectionId }, false);
  return false;
};

/** True when the row's session has ended or is missing. A session whose row is unreadable may well be active. */
export const isLost = (core: Core, row: ConnectionTable.Connection, scanned: Scanned): boolean => {
  if (row.role === "refused") return core.now() - row.connectedAt > refusedMs;
  const session = scanned.sessions.get(row.sessionId);
  return session ? !session.isActive : !scanned.inDoubt.has(row.sessionId);
};

/** True for a former speaker's row once another connection has spoken for the session for a while. */
export const isReplaced = (core: Core, row: ConnectionTable.Connection, { sessions }: Scanned): boolean => {
  const session = row.role === "speaker" ? sessions.get(row.sessionId) : undefined;
  if (!session || SessionTable.isSpeaker(session, row.connectionId)) return false;
  return core.now() - session.speakerSince >= speakerRowMs;
};

/** The last frame for a lost connection. */
export const lastFrameFor = (core: Core, row: ConnectionTable.Connection, { sessions }: Scanned) =>
  row.role === "refused"
    ? refusal(row, core.now())
    : sessionEnded(row.sessionId, sessions.get(row.sessionId), core.now());
