import type { Core } from "../port/core.js";
import type { Connection } from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { type Budget, countWhere } from "./budget.js";

/** At most a handler's timeout lies between a seat's reservation and its row. */
const seatRowMs = 30_000;

/**
 * Corrects listener counts, but only of sessions whose seats have not changed for a while. Between a seat's reservation
 * and its row, or a row's removal and its seat's release, count and rows may differ rightly.
 * @returns the sum of the corrected differences
 */
export const recountListeners = async (
  core: Core,
  budget: Budget,
  sessions: readonly SessionTable.Session[],
  rows: readonly Connection[],
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
  await countWhere(core, budget, quiet, async (session) => {
    const { sessionId, listenerCount: recorded } = session;
    const counted = counts.get(sessionId) ?? 0;
    if (counted === recorded) return false;
    if (!(await SessionTable.recount(core, session, { listenerCount: counted, recountedAt }))) return false;
    drift += Math.abs(counted - recorded);
    core.log.warn("Listener count corrected", { sessionId, recorded, counted });
    return true;
  });
  return drift;
};
