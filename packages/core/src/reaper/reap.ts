import type * as v from "valibot";
import * as Connection from "../disconnect/connection.js";
import type { Core } from "../port/core.js";
import { connectionSchema, isMember } from "../store/connection.table.js";
import * as Dynamo from "../store/dynamo.js";
import { type Item, readRows } from "../store/row.js";
import { isOpen, sessionSchema } from "../store/session.table.js";
import { type Budget, countWhere } from "./budget.js";
import { endIfDue, isLost, isReplaced, lastFrameFor, type Scanned } from "./due.js";
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
  /** Rows that the run did not reach in its time. */
  readonly left: number;
}

/**
 * Does what only the passing of time requires, and heals what a crash left behind. Every write states the condition under
 * which it is meant, so two runs at once, or one that dies anywhere, do no harm. Connections are read before sessions: a
 * session is written before its connections, so a row whose session is not found has none.
 *
 * Sessions and counts come first: they are few, and everybody waits for them. Sockets come after, in the time that is left.
 * @param stopAt when to stop (ms since the epoch); the next run goes on with the rows that are left
 */
export const reap = async (core: Core, stopAt = Number.POSITIVE_INFINITY): Promise<Reaped> => {
  const budget: Budget = { stopAt, left: 0 };
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
  const lost = new Set(connections.filter((row) => isLost(core, row, scanned)));
  const kept = connections.filter((row) => !lost.has(row));

  const ended = await countWhere(core, budget, sessions, (session) => endIfDue(core, session, scanned));
  const certain = sessions.filter(({ sessionId }) => !inDoubt.has(sessionId));
  const drift = await recountListeners(core, budget, certain, kept, { startedAt, recountedAt });
  const activeSessions = sessions.filter((session) => isOpen(session, core.now())).length;
  const totalListeners = kept.filter(({ role }) => role === "listener").length;
  core.metrics.record("ActiveSessions", activeSessions);
  core.metrics.record("TotalListeners", totalListeners);
  core.metrics.record("CountDrift", drift);

  const dismissed = await countWhere(core, budget, [...lost], async (row) => {
    const outcome = await Connection.sendLastAndDelete(core, row, lastFrameFor(core, row, scanned));
    return outcome !== "opening";
  });
  const replaced = kept.filter((row) => isReplaced(core, row, scanned));
  await countWhere(core, budget, replaced, async ({ connectionId }) => {
    await Connection.closeAndRelease(core, connectionId);
    return true;
  });
  const members = kept.filter(isMember);
  await closeOverdue(core, budget, members);
  const silenced = await closeSilent(core, budget, members);
  core.metrics.record("SilentConnections", silenced);
  core.metrics.record("ReaperRuns", 1);

  const { left } = budget;
  const reaped = { activeSessions, totalListeners, ended, dismissed, silenced, drift, left };
  if (left > 0) core.log.warn("Out of time: the next run goes on with the rows that are left", { left });
  core.log.info("Reaped", { ...reaped });
  return reaped;
};

const scan = async <Schema extends v.GenericSchema>(core: Core, table: string, schema: Schema) => {
  const items: Item[] = [];
  for await (const page of Dynamo.scan(core.db, { TableName: table })) items.push(...page);
  return readRows(core, table, schema, items);
};
