import { errorCodeSchema, languageCodeSchema, type SessionId, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import type { Core } from "../port/core.js";
import * as Dynamo from "./dynamo.js";
import { readRows } from "./row.js";

const common = {
  connectionId: v.string(),
  /** When API Gateway accepted the handshake (ms). */
  connectedAt: v.number(),
  /** When the handshake reached API Gateway (ms): latencies are measured from here. */
  requestedAt: v.number(),
  /** The handshake's request id, as the authorizer and the connect handler log it. Rows of older versions lack it. */
  requestId: v.optional(v.string()),
  addressHash: v.string(),
  /** Seconds, as DynamoDB's TTL wants it. */
  ttl: v.number(),
};

/** The connection that this one replaces after a refresh. */
const replaces = v.optional(v.string());

const speakerSchema = v.object({
  ...common,
  role: v.literal("speaker"),
  sessionId: sessionIdSchema,
  replaces,
  /** True when the client showed no ticket of the connection that this one replaces: it may be another client. */
  isTakeover: v.optional(v.boolean()),
});

const listenerSchema = v.object({
  ...common,
  role: v.literal("listener"),
  sessionId: sessionIdSchema,
  targetLanguage: languageCodeSchema,
  replaces,
  /** True when the client asked for `refreshConnection`, with a ticket or without: its welcome says so. */
  isRefresh: v.optional(v.boolean()),
  /** When a ticket of this connection last claimed a seat in a full session (ms). */
  claimedAt: v.optional(v.number()),
});

/** A client that asked for its refusal as a frame. It gets the frame and is then closed. */
const refusedSchema = v.object({
  ...common,
  role: v.literal("refused"),
  refusal: v.object({
    code: errorCodeSchema,
    message: v.string(),
    retryAfter: v.optional(v.number()),
    details: v.optional(v.record(v.string(), v.string())),
  }),
});

/** A row of Connections. */
export const connectionSchema = v.variant("role", [speakerSchema, listenerSchema, refusedSchema]);

export type Connection = v.InferOutput<typeof connectionSchema>;
export type Speaker = v.InferOutput<typeof speakerSchema>;
export type Listener = v.InferOutput<typeof listenerSchema>;
export type Member = Speaker | Listener;

/** True for a speaker or a listener, false for a client that is only there to be refused. */
export const isMember = (row: Connection): row is Member => row.role !== "refused";

/** The index by session and language. Speakers have no language and so are not in it. */
export const byLanguage = "sessionId-targetLanguage-index";

/** Inserts a connection. Returns false if it is there already, after a repeated event. */
export const insert = async (core: Core, connection: Connection): Promise<boolean> => {
  const { written } = await Dynamo.put(core.db, {
    table: core.tables.connections,
    item: connection,
    when: ["attribute_not_exists(#connectionId)"],
  });
  return written;
};

/**
 * The state of a row that was not inserted. `there before`: an earlier event inserted it. `unknown`: the row may be
 * there, and whoever removes it then releases its seat.
 */
export type RowState = "there before" | "absent" | "unknown";

/**
 * Inserts a connection, as the last write of a connect. If the row was there before, or if nobody knows whether it was
 * written, `undo` reverts the connect's earlier writes: a refused handshake must leave nothing behind.
 */
export const insertOrUndo = async (
  core: Core,
  connection: Connection,
  undo: (state: RowState) => Promise<void>,
): Promise<boolean> => {
  try {
    const inserted = await insert(core, connection);
    if (!inserted) await undo("there before");
    return inserted;
  } catch (error) {
    // With the table out of reach this may fail too; the reaper heals the rest.
    const [removed] = await Promise.allSettled([removeOnce(core, connection.connectionId)]);
    await Promise.allSettled([undo(removed.status === "rejected" ? "unknown" : "absent")]);
    throw error;
  }
};

/** A handshake's longest time: a claim as old as this was followed by a row, or by nothing. */
const claimMs = 30_000;

/**
 * Claims the right to one more seat for the client of this listener's connection, which comes back while the connection
 * still holds its own. Returns false if the connection is gone, or if another handshake has just claimed.
 */
export const claimSeat = async (
  core: Core,
  { connectionId, sessionId }: Pick<Listener, "connectionId" | "sessionId">,
): Promise<boolean> => {
  const now = core.now();
  const { written } = await Dynamo.update(core.db, {
    table: core.tables.connections,
    key: { connectionId },
    set: { claimedAt: now },
    when: [
      "#sessionId = :sessionId",
      "#role = :listener",
      "attribute_not_exists(#claimedAt) OR #claimedAt < :old",
    ],
    values: { sessionId, listener: "listener", old: now - claimMs },
  });
  return written;
};

/** Reads a connection, consistently. */
export const get = async (core: Core, connectionId: string): Promise<Connection | undefined> => {
  const row = await Dynamo.get(core.db, core.tables.connections, { connectionId });
  return row === undefined ? undefined : v.parse(connectionSchema, row);
};

/**
 * Deletes a connection and returns it; undefined if it was gone already. Never retried: after a lost answer the retry
 * would find no row, and the seat that the row held would not be released.
 */
export const removeOnce = async (core: Core, connectionId: string): Promise<Connection | undefined> => {
  const { row } = await Dynamo.remove(core.db, {
    table: core.tables.connections,
    key: { connectionId },
    when: [],
  });
  return row === undefined ? undefined : v.parse(connectionSchema, row);
};

/** Deletes a connection that holds neither seat nor session any more, so that a retry does no harm. */
export const remove = async (core: Core, connectionId: string): Promise<void> => {
  await Dynamo.remove(core.db, {
    table: core.tables.connections,
    key: { connectionId },
    when: [],
    repeatable: true,
  });
};

/** The session's listeners, page by page, from the index: a row written a moment ago may be missing. */
export async function* listeners(core: Core, sessionId: SessionId): AsyncGenerator<Listener[]> {
  const table = core.tables.connections;
  const pages = Dynamo.query(core.db, {
    TableName: table,
    IndexName: byLanguage,
    KeyConditionExpression: "#sessionId = :sessionId",
    ExpressionAttributeNames: Dynamo.names("#sessionId"),
    ExpressionAttributeValues: Dynamo.values({ sessionId }),
  });
  for await (const items of pages) yield readRows(core, table, listenerSchema, items).rows;
}

/** The number of listeners by target language: `{es: 12}`. */
export const languageDistribution = async (
  core: Core,
  sessionId: SessionId,
): Promise<Record<string, number>> => {
  const distribution: Record<string, number> = {};
  for await (const page of listeners(core, sessionId)) {
    for (const { targetLanguage } of page) {
      distribution[targetLanguage] = (distribution[targetLanguage] ?? 0) + 1;
    }
  }
  return distribution;
};
