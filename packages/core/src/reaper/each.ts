import pMap from "p-map";
import type { Core } from "../port/core.js";
import type { Connection } from "../store/connection.table.js";
import type { Session } from "../store/session.table.js";
import { hashConnectionId } from "../value/hash.js";

const concurrency = 25;

/** Counts the rows for which `act` returns true. A row that fails is logged and left to the next run. */
export const countWhere = async <Row extends Session | Connection>(
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

const idsOf = (row: Session | Connection) => ({
  ...("sessionId" in row ? { sessionId: row.sessionId } : {}),
  ...("connectionId" in row ? { connection: hashConnectionId(row.connectionId) } : {}),
});
