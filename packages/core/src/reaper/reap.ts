import type * as v from "valibot";
import * as Connection from "../disconnect/connection.js";
import type { Core } from "../port/core.js";
import { connectionSchema, isMember } from "../store/connection.table.js";
import * as Dynamo from "../store/dynamo.js";
import { type Item, readRows } from "../store/row.js";
import { isOpen, sessionSchema } from "../store/session.table.js";
import { endIfDue, isLost, isReplaced, lastFrameFor, type Scanned } from "./due.js";
import { countWhere } from "./each.js";
import { recountListeners } from "./recount.js";
import { closeOverdue, closeSilent } from "./silence.js";

/** What one run found and did. */
export interface Reaped {
  readonly activeSessions: number;
  readonly totalListeners: number;
  readonly ended: number;
  /** Connections of ended sessions, and refused ones, that were told, closed and deleted. */
  readonly dismissed: number;
  readonly silenced: number;
  /** The sum of the differences by which listener counts were corrected. */
  readonly drift: number;
}

/**
 * Does what only the passing of time requires, and heals what a crash left behind. Every write states the condition under
 * which it is meant, so two runs at once, or one that dies anywhere, do no harm. Connections are read before sessions: a
 * session is written before its connections, so a row whose session is not found has none.
 */
export const reap = async (core: Core): Promise<Reaped> => {
  const startedAt = core.now();
  const connectionScan = await scan(core, core.tables.connections, connectionSchema);
  const recountedAt = core.now();
  const sessionScan = await scan(core, core.tables.sessions, sessionSchema);
  const [connections, sessions] = [connectionScan.rows, sessionScan.rows];
  const inDoubt = new Set(
    [...connectionScan.unreadable, ...sessionScan.unreadable].map(({ sessionId }) => sessionId),
  );
  const scanned: Scanned = {
    sessions: new Map(sessions.map((session) => [session.sessionId, session])),
    speakers: new Map(
      connections.flatMap((row) => (row.role === "speaker" ? [[row.connectionId, row.sessionId]] : [])),
    ),
    inDoubt,
  };

  const ended = await countWhere(core, sessions, (session) => endIfDue(core, session, scanned));
  const lost = new Set(connections.filter((row) => isLost(core, row, scanned)));
  const dismissed = await countWhere(core, [...lost], async (row) => {
    const outcome = await Connection.sendLastAndDelete(core, row, lastFrameFor(core, row, scanned));
    return outcome !== "opening";
  });
  const kept = connections.filter((row) => !lost.has(row));
  const replaced = kept.filter((row) => isReplaced(core, row, scanned));
  await countWhere(core, replaced, async ({ connectionId }) => {
    await Connection.closeAndRelease(core, connectionId);
    return true;
  });
  const members = kept.filter(isMember);
  await closeOverdue(core, members);
  const silenced = await closeSilent(core, members);
  const certain = sessions.filter(({ sessionId }) => !inDoubt.has(sessionId));
  const drift = await recountListeners(core, certain, kept, { startedAt, recountedAt });

  const reaped = {
    activeSessions: sessions.filter((session) => isOpen(session, core.now())).length,
    totalListeners: kept.filter(({ role }) => role === "listener").length,
    ended,
    dismissed,
    silenced,
    drift,
  };
  report(core, reaped);
  return reaped;
};

const report = (core: Core, reaped: Reaped): void => {
  core.log.info("Reaped", { ...reaped });
  core.metrics.record("ActiveSessions", reaped.activeSessions);
  core.metrics.record("TotalListeners", reaped.totalListeners);
  core.metrics.record("SilentConnections", reaped.silenced);
  core.metrics.record("CountDrift", reaped.drift);
  core.metrics.record("ReaperRuns", 1);
};

const scan = async <Schema extends v.GenericSchema>(core: Core, table: string, schema: Schema) => {
  const items: Item[] = [];
  for await (const page of Dynamo.scan(core.db, { TableName: table })) items.push(...page);
  return readRows(core, table, schema, items);
};
