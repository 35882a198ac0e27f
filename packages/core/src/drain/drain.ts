import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { webSocketUrlSchema } from "@lectern/protocol";
import pMap from "p-map";
import * as v from "valibot";
import { refreshRequired } from "../frame/refresh-required.js";
import type { Core } from "../port/core.js";
import { postsAtOnce, SocketError } from "../port/sockets.js";
import { connectionSchema, isMember, type Member } from "../store/connection.table.js";
import { withRetry } from "../store/retry.js";
import { readRows } from "../store/row.js";
import { isOpening } from "../value/lifetime.js";

/** The input of one step of a drain. */
export const stepSchema = v.object({
  /** How many rows the step reads, and so the largest number of clients that it asks: up to 500. */
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)),
  /** `next` of the previous step; absent for the first step. */
  after: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /**
   * Only connections opened before this time (ms since the epoch) are asked; by default, before this step. Every later
   * step must pass on the first step's `connectedBefore`, or it would ask clients again that have just refreshed.
   */
  connectedBefore: v.optional(v.number()),
  /** Where the clients should open their new connections; absent for the URL of their old ones. */
  url: v.optional(webSocketUrlSchema),
});

export type Step = v.InferOutput<typeof stepSchema>;

/** The result of one step. */
export interface Stepped {
  /** Clients that were asked. */
  readonly asked: number;
  /** Clients whose sockets were gone. */
  readonly gone: number;
  /** Clients that could not be reached, and unreadable rows. */
  readonly failed: number;
  /** Clients that were skipped because their sockets may not be open yet. */
  readonly opening: number;
  readonly connectedBefore: number;
  /** The `after` of the next step; absent after the last step. */
  readonly next?: string;
}

/**
 * Asks the clients of one page of Connections to refresh now, by the frame that a heartbeat brings near a connection's
 * end. No row changes, so asking twice does no harm.
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
    // A 403 concerns every client, so the step fails.
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
  const { Items = [], LastEvaluatedKey } = await withRetry(true, () => core.db.send(scan));
  const next: string | undefined = LastEvaluatedKey?.connectionId;
  return { ...readRows(core, table, connectionSchema, Items), next };
};
