import pMap from "p-map";
import type { Core } from "../port/core.js";
import { postsAtOnce } from "../port/sockets.js";
import type { Connection } from "../store/connection.table.js";
import type { Session } from "../store/session.table.js";
import { hashId } from "../value/hash.js";

/** The time that a run may take, and the rows that it left for lack of it. */
export interface Budget {
  /** From this time on (ms since the epoch) no further row is begun. */
  readonly stopAt: number;
  left: number;
}

/**
 * Counts the rows for which `act` returns true. A row that fails is logged and left to the next run, and so are all rows
 * that are not begun in time.
 */
export const countWhere = async <Row extends Session | Connection>(
  core: Core,
  budget: Budget,
  rows: readonly Row[],
  act: (row: Row) => Promise<boolean>,
): Promise<number> => {
  let count = 0;
  await pMap(
    fromAnotherPlace(rows, core.now()),
    async (row) => {
      if (core.now() >= budget.stopAt) {
        budget.left += 1;
        return;
      }
      try {
        if (await act(row)) count += 1;
      } catch (error) {
        core.metrics.record("BackgroundErrors", 1);
        core.log.error("Left to the next run", { ...idsOf(row), error });
      }
    },
    { concurrency: postsAtOnce },
  );
  return count;
};

/** The golden ratio: its multiples, without their whole parts, spread evenly whatever their number. */
const golden = 0.618_033_988_749_895;

/**
 * The rows in the order of the scan, but beginning at another place each minute. A scan's order hardly changes, so runs
 * that stop early reach different rows. If a run gets through a share f of the rows, 2 / f runs in a row reach each of
 * them. That needs no stored position: it would be lost in the very outages that make runs stop, and two runs at once
 * would move it under each other.
 */
const fromAnotherPlace = <Row>(rows: readonly Row[], now: number): readonly Row[] => {
  const start = Math.floor(((Math.floor(now / 60_000) * golden) % 1) * rows.length);
  return [...rows.slice(start), ...rows.slice(0, start)];
};

const idsOf = (row: Session | Connection) => ({
  ...("sessionId" in row ? { sessionId: row.sessionId } : {}),
  ...("connectionId" in row ? { connection: hashId(row.connectionId) } : {}),
});
