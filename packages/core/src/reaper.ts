import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import pMap from "p-map";
import * as v from "valibot";
import * as Connection from "./connection.js";
import * as Connections from "./connection.table.js";
import {
  type Connection as ConnectionRow,
  connectionSchema,
  isMember,
  type Member,
} from "./connection.table.js";
import type { Core } from "./core.js";
import * as Dynamo from "./dynamo.js";
import { hashConnectionId } from "./hash.js";
import { livenessId } from "./heartbeat.js";
import { longestAge } from "./lifetime.js";
import { isUnavailable, persistently } from "./persistence.js";
import { refusal, sessionEnded } from "./reply.js";
import { readRows } from "./row.js";
import * as Session from "./session.js";
import * as Sessions from "./session.table.js";

const concurrency = 25;
/** A speaker's row may come this much later than its session names it. */
const speakerRowMs = 60_000;
/** Between a seat's reservation and its row lies at most a handler's timeout. */
const seatRowMs = 30_000;
/** A refused client has its refusal long before. */
const refusedMs = 60_000;

/** What one run found and did. */
export interface Reaped {
  readonly activeSessions: number;
  readonly totalListeners: number;
  readonly ended: number;
  readonly dismissed: number;
  readonly silenced: number;
  /** The sum of the differences between counted and recorded listeners that were corrected. */
  readonly drift: number;
}

/**
 * Does what only time makes necessary and heals what a crash left. Every step states the state that it is meant for, so
 * two runs at once, or one that dies anywhere, do no harm. Connections are read before sessions: a session is written
 * before its connections, so a row whose session is not found has none.
 */
export const reap = async (core: Core): Promise<Reaped> => {
  const startedAt = core.now();
  const connectionScan = await scan(core, core.tables.connections, connectionSchema);
  const recountedAt = core.now();
  const sessionScan = await scan(core, core.tables.sessions, Sessions.sessionSchema);
  const [connections, sessions] = [connectionScan.rows, sessionScan.rows];
  // Of these not everything is known, so nothing is done to them that rests on it.
  const inDoubt = new Set(
    [...connectionScan.unreadable, ...sessionScan.unreadable].map(({ sessionId }) => sessionId),
  );
  const byId = new Map(sessions.map((session) => [session.sessionId, session]));
  const speaksFor = new Map(
    connections.flatMap((row) => (row.role === "speaker" ? [[row.connectionId, row.sessionId]] : [])),
  );

  const ended = await countIf(core, sessions, (session) => endIfDue(core, session, speaksFor));
  const [lost, kept] = partition(connections, (row) => isLost(core, row, byId, inDoubt));
  const dismissed = await countIf(core, lost, async (row) => {
    const dismissal = await Connection.dismiss(core, row, farewell(core, row, byId));
    return dismissal !== "opening";
  });
  const overtaken = kept.filter((row) => isOvertaken(core, row, byId));
  await countIf(core, overtaken, async ({ connectionId }) => {
    await Connection.close(core, connectionId);
    return true;
  });
  const members = kept.filter(isMember);
  // API Gateway ends them at two hours; the stage's own setting may be shorter.
  const overdue = members.filter(({ connectedAt }) => core.now() - connectedAt > longestAge(core.settings));
  await countIf(core, overdue, (member) => closeLost(core, member, "Overdue connection closed"));
  const silenced = await silence(core, members);
  const certain = sessions.filter(({ sessionId }) => !inDoubt.has(sessionId));
  const drift = await recountAll(core, certain, kept, { startedAt, recountedAt });

  const active = sessions.filter((session) => Sessions.isOpen(session, core.now()));
  const reaped = {
    activeSessions: active.length,
    totalListeners: kept.filter(({ role }) => role === "listener").length,
    ended,
    dismissed,
    silenced,
    drift,
  };
  core.log.info("Reaped", reaped);
  core.metrics.record("ActiveSessions", reaped.activeSessions);
  core.metrics.record("TotalListeners", reaped.totalListeners);
  core.metrics.record("SilentConnections", silenced);
  core.metrics.record("CountDrift", drift);
  core.metrics.record("ReaperRuns", 1);
  return reaped;
};

/** Ends a session whose time is over; starts the grace of one whose speaker's row is missing. */
const endIfDue = async (
  core: Core,
  session: Sessions.Session,
  speaksFor: ReadonlyMap<string, string>,
): Promise<boolean> => {
  const { sessionId, isActive, expiresAt, graceUntil, speakerConnectionId, speakerSince } = session;
  if (!isActive) return false;
  const now = core.now();
  if (expiresAt * 1000 <= now) {
    return Sessions.end(core, sessionId, "expired", { expiredBy: Math.floor(now / 1000) });
  }
  if (graceUntil !== undefined) {
    return (
      graceUntil <= now && Sessions.end(core, sessionId, "speakerLost", { speakerConnectionId, graceUntil })
    );
  }
  if (speaksFor.get(speakerConnectionId) === sessionId || now - speakerSince < speakerRowMs) return false;
  // Written since the scan, perhaps.
  const row = await Connections.get(core, speakerConnectionId);
  if (row?.role === "speaker" && row.sessionId === sessionId) return false;
  await Session.speakerGone(core, { sessionId, connectionId: speakerConnectionId }, false);
  return false;
};

/** Whether nothing holds this row any more. A session whose row cannot be read may well be going on. */
const isLost = (
  core: Core,
  row: ConnectionRow,
  sessions: ReadonlyMap<string, Sessions.Session>,
  inDoubt: ReadonlySet<unknown>,
): boolean => {
  if (row.role === "refused") return core.now() - row.connectedAt > refusedMs;
  const session = sessions.get(row.sessionId);
  return session ? !session.isActive : !inDoubt.has(row.sessionId);
};

/** Whether another connection has spoken for the session for so long that this one is not needed any more. */
const isOvertaken = (
  core: Core,
  row: ConnectionRow,
  sessions: ReadonlyMap<string, Sessions.Session>,
): boolean => {
  const session = row.role === "speaker" ? sessions.get(row.sessionId) : undefined;
  if (!session || Sessions.isSpeaker(session, row.connectionId)) return false;
  return core.now() - session.speakerSince >= speakerRowMs;
};

const farewell = (core: Core, row: ConnectionRow, sessions: ReadonlyMap<string, Sessions.Session>) =>
  row.role === "refused"
    ? refusal(row, core.now())
    : sessionEnded(row.sessionId, sessions.get(row.sessionId), core.now());

/**
 * Closes the connections that have been silent for too long: neither a heartbeat in their liveness row, nor traffic that
 * API Gateway saw.
 */
const silence = async (core: Core, members: readonly Member[]): Promise<number> => {
  const timeoutMs = core.settings.heartbeatTimeoutSeconds * 1000;
  const isOld = (at: number) => core.now() - at > timeoutMs;
  const candidates = members.filter(({ connectedAt }) => isOld(connectedAt));
  const seen = await lastSeen(core, candidates);
  const silent = candidates.filter(({ connectionId, connectedAt }) => {
    const at = seen.get(connectionId);
    return at === "unknown" || isOld(Math.max(connectedAt, at ?? 0));
  });
  return countIf(core, silent, async (member) => {
    const activeAt = await core.sockets.lastActiveAt(member.connectionId);
    if (activeAt !== "gone" && !isOld(activeAt)) return false;
    return closeLost(core, member, "Silent connection closed");
  });
};

/** Closes a connection of a session that goes on. A speaker is lost first, since a close by us looks like its own will. */
const closeLost = async (core: Core, member: Member, message: string): Promise<true> => {
  if (member.role === "speaker") await Session.speakerGone(core, member, false);
  await Connection.close(core, member.connectionId);
  core.log.info(message, { sessionId: member.sessionId, role: member.role });
  return true;
};

/**
 * When each connection last beat (ms). Absent: never. `unknown`: its liveness row could not be read; then only API
 * Gateway's word counts.
 */
const lastSeen = async (
  core: Core,
  members: readonly Member[],
): Promise<ReadonlyMap<string, number | "unknown">> => {
  const ids = new Map(members.map(({ connectionId }) => [livenessId(connectionId), connectionId]));
  const seen = new Map<string, number | "unknown">(
    members.map(({ connectionId }) => [connectionId, "unknown"]),
  );
  const identifiers = [...ids.keys()];
  for (let start = 0; start < identifiers.length; start += batchSize) {
    const batch = identifiers.slice(start, start + batchSize);
    try {
      const rows = await readLiveness(core, batch);
      for (const identifier of batch) {
        const connectionId = ids.get(identifier);
        const at = rows.get(identifier);
        if (connectionId === undefined || at === "unread") continue;
        if (at === undefined) seen.delete(connectionId);
        else seen.set(connectionId, at);
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      core.log.warn("Liveness cannot be read: API Gateway's word alone counts");
      // The next would take as long to fail, and the run's time with it.
      break;
    }
  }
  return seen;
};

/** The times in up to a hundred liveness rows; `unread`: DynamoDB left it out this time. */
const readLiveness = async (
  core: Core,
  identifiers: readonly string[],
): Promise<ReadonlyMap<string, number | "unread">> => {
  const table = core.tables.rateLimits;
  const read = new BatchGetCommand({
    RequestItems: { [table]: { Keys: identifiers.map((identifier) => ({ identifier })) } },
  });
  const { Responses = {}, UnprocessedKeys = {} } = await persistently(true, () => core.db.send(read));
  const rows = v.parse(v.array(livenessSchema), Responses[table] ?? []);
  return new Map<string, number | "unread">([
    ...(UnprocessedKeys[table]?.Keys ?? []).map(({ identifier }) => [identifier, "unread"] as const),
    ...rows.map(({ identifier, lastSeenAt }) => [identifier, lastSeenAt] as const),
  ]);
};

const batchSize = 100;

const livenessSchema = v.object({ identifier: v.string(), lastSeenAt: v.number() });

/**
 * Corrects listener counts, but only of sessions whose seats have not moved for a while: between a seat and its row, or
 * a row and its seat, the two may differ rightly.
 */
const recountAll = async (
  core: Core,
  sessions: readonly Sessions.Session[],
  rows: readonly ConnectionRow[],
  { startedAt, recountedAt }: { readonly startedAt: number; readonly recountedAt: number },
): Promise<number> => {
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (row.role === "listener") counts.set(row.sessionId, (counts.get(row.sessionId) ?? 0) + 1);
  }
  const quiet = sessions.filter(
    ({ isActive, seatsChangedAt }) => isActive && startedAt - seatsChangedAt > seatRowMs,
  );
  let drift = 0;
  await countIf(core, quiet, async (session) => {
    const { sessionId, listenerCount: recorded } = session;
    const counted = counts.get(sessionId) ?? 0;
    if (counted === recorded) return false;
    if (!(await Sessions.recount(core, session, { listenerCount: counted, recountedAt }))) return false;
    drift += Math.abs(counted - recorded);
    core.log.warn("Listener count corrected", { sessionId, recorded, counted });
    return true;
  });
  return drift;
};

const scan = async <Schema extends v.GenericSchema>(core: Core, table: string, schema: Schema) => {
  const items: Readonly<Record<string, unknown>>[] = [];
  for await (const page of Dynamo.scan(core.db, { TableName: table })) items.push(...page);
  return readRows(core, table, schema, items);
};

/** How many of the sessions or connections it was done for; one that fails is left to the next run. */
const countIf = async <Row extends Sessions.Session | ConnectionRow>(
  core: Core,
  rows: readonly Row[],
  act: (row: Row) => Promise<boolean>,
): Promise<number> => {
  let count = 0;
  await pMap(
    rows,
    async (row) => {
      try {
        if (await act(row)) count += 1;
      } catch (error) {
        core.metrics.record("BackgroundErrors", 1);
        core.log.error("Left to the next run", { ...idsOf(row), error });
      }
    },
    { concurrency },
  );
  return count;
};

const idsOf = (row: Sessions.Session | ConnectionRow) => ({
  ...("sessionId" in row ? { sessionId: row.sessionId } : {}),
  ...("connectionId" in row ? { connection: hashConnectionId(row.connectionId) } : {}),
});

const partition = <Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] => [
  items.filter(test),
  items.filter((item) => !test(item)),
];
