import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { webSocketUrlSchema } from "@lectern/protocol";
import pMap from "p-map";
import * as v from "valibot";
import { connectionSchema, isMember, type Member } from "./connection.table.js";
import type { Core } from "./core.js";
import { refreshRequired } from "./heartbeat.js";
import { isOpening } from "./lifetime.js";
import { persistently } from "./persistence.js";
import { readRows } from "./row.js";
import { postsAtOnce, SocketError } from "./sockets.js";

/** One step of a drain, as an operator asks for it. */
export const stepSchema = v.object({
  /** How many rows are looked at, and so how many clients are asked at most: up to 500. */
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)),
  /** `next` of the step before; absent: from the beginning. */
  after: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /**
   * Only connections from before this time are asked (ms since the epoch), by default those from before this step. A
   * drain hands on what its first step says, or it would ask again who has just come back.
   */
  connectedBefore: v.optional(v.number()),
  /** Where the clients are to come to; absent: where they are. */
  url: v.optional(webSocketUrlSchema),
});

export type Step = v.InferOutput<typeof stepSchema>;

/** What became of one step. */
export interface Stepped {
  /** Clients that have been asked. */
  readonly asked: number;
  /** Those that were gone. */
  readonly gone: number;
  /** Those that could not be reached, and rows that cannot be read. */
  readonly failed: number;
  /** Those passed over since their sockets may not be open yet, or their welcome is still on its way. */
  readonly opening: number;
  readonly connectedBefore: number;
  /** What the next step is to come after; absent: this was the last. */
  readonly next?: string;
}

/**
 * Asks the clients of one page of Connections to refresh at once, as a heartbeat does near a connection's end. No row
 * changes: to everything else a connection that was asked is like any other, and asking twice does no harm.
 */
export const drain = async (
  core: Core,
  { limit, after, connectedBefore = core.now(), url }: Step,
): Promise<Stepped> => {
  const { rows, unreadable, next } = await readPage(core, limit, after);
  const members = rows.filter(isMember).filter(({ connectedAt }) => connectedAt < connectedBefore);
  const outcomes = await pMap(members, (member) => ask(core, member, url), { concurrency: postsAtOnce });
  const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length;
  const counts = {
    asked: count("asked"),
    gone: count("gone"),
    failed: count("failed") + unreadable.length,
    opening: count("opening"),
  };
  core.log.info("Asked to refresh", counts);
  return { ...counts, connectedBefore, ...(next === undefined ? {} : { next }) };
};

type Outcome = "asked" | "gone" | "failed" | "opening";

const ask = async (core: Core, member: Member, url: string | undefined): Promise<Outcome> => {
  const { connectionId, connectedAt, sessionId } = member;
  if (isOpening(connectedAt, core.now())) return "opening";
  try {
    const sent = await core.sockets.send(connectionId, refreshRequired(core, member, url));
    return sent === "gone" ? "gone" : "asked";
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    // Nobody else will be reached either.
    if (error.status === 403) throw new Error(forbidden, { cause: error });
    core.log.warn("A client could not be asked to refresh", { sessionId, error });
    return "failed";
  }
};

const forbidden =
  "API Gateway refuses every post with 403: the role lacks execute-api:ManageConnections, or the endpoint is not this API's";

const readPage = async (core: Core, limit: number, after: string | undefined) => {
  const table = core.tables.connections;
  const scan = new ScanCommand({
    TableName: table,
    Limit: limit,
    ConsistentRead: true,
    ...(after === undefined ? {} : { ExclusiveStartKey: { connectionId: after } }),
  });
  const { Items = [], LastEvaluatedKey } = await persistently(true, () => core.db.send(scan));
  const next: string | undefined = LastEvaluatedKey?.connectionId;
  return { ...readRows(core, table, connectionSchema, Items), next };
};
