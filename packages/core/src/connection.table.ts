import { errorCodeSchema, languageCodeSchema, type SessionId, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import type { Core } from "./core.js";
import * as Dynamo from "./dynamo.js";
import { readRows } from "./row.js";

const common = {
  connectionId: v.string(),
  /** When API Gateway accepted the handshake (ms). */
  connectedAt: v.number(),
  /** When the handshake reached API Gateway (ms): latencies are counted from here. */
  requestedAt: v.number(),
  /** The handshake's request, as the authorizer and the connect handler log it. Rows from before it was kept lack it. */
  requestId: v.optional(v.string()),
  addressHash: v.string(),
  /** Seconds, as DynamoDB's TTL wants it. */
  ttl: v.number(),
};

/** The connection that a refresh takes the place of. */
const replaces = v.optional(v.string());

const speakerSchema = v.object({
  ...common,
  role: v.literal("speaker"),
  sessionId: sessionIdSchema,
  replaces,
  /** Whether its client did not show by a ticket that it has the connection that this one replaces. */
  isTakeover: v.optional(v.boolean()),
});

const listenerSchema = v.object({
  ...common,
  role: v.literal("listener"),
  sessionId: sessionIdSchema,
  targetLanguage: languageCodeSchema,
  replaces,
});

/** A client that asked for its refusal as a frame: it gets that, and is closed. */
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

/** Whether the connection is one of its session's, and not there to be refused. */
export const isMember = (row: Connection): row is Member => row.role !== "refused";

/** The index by session and language; speakers have no language and are not in it. */
export const byLanguage = "sessionId-targetLanguage-index";

/** Inserts a connection. False: it is there already, a repeated event. */
export const insert = async (core: Core, connection: Connection): Promise<boolean> => {
  const { written } = await Dynamo.put(core.db, {
    table: core.tables.connections,
    item: connection,
    when: ["attribute_not_exists(#connectionId)"],
  });
  return written;
};

/**
 * What is known of a row that could not be inserted: it was there before, by a repeated event; it is not there; or
 * nobody can tell, so that somebody else may find and remove it.
 */
export type RowState = "there before" | "absent" | "unknown";

/**
 * Inserts a connection as the last write of a connect. If it is there already, or if nobody can tell whether it was
 * written, what led up to it is undone: a refused handshake leaves nothing behind.
 */
export const insertOr = async (
  core: Core,
  connection: Connection,
  undo: (state: RowState) => Promise<void>,
): Promise<boolean> => {
  try {
    const inserted = await insert(core, connection);
    if (!inserted) await undo("there before");
    return inserted;
  } catch (error) {
    // What cannot be undone now, with the table out of reach, the reaper heals.
    const [removed] = await Promise.allSettled([remove(core, connection.connectionId)]);
    await Promise.allSettled([undo(removed.status === "rejected" ? "unknown" : "absent")]);
    throw error;
  }
};

/** Reads a connection, consistently. */
export const get = async (core: Core, connectionId: string): Promise<Connection | undefined> => {
  const row = await Dynamo.get(core.db, core.tables.connections, { connectionId });
  return row === undefined ? undefined : v.parse(connectionSchema, row);
};

/** Deletes a connection and returns it; undefined: it was gone already. */
export const remove = async (core: Core, connectionId: string): Promise<Connection | undefined> => {
  const { row } = await Dynamo.remove(core.db, {
    table: core.tables.connections,
    key: { connectionId },
    when: [],
  });
  return row === undefined ? undefined : v.parse(connectionSchema, row);
};

/** Deletes a connection that holds nothing any more. */
export const erase = async (core: Core, connectionId: string): Promise<void> => {
  await Dynamo.remove(core.db, {
    table: core.tables.connections,
    key: { connectionId },
    when: [],
    repeatable: true,
  });
};

/** The session's listeners by the index, a page at a time; a row written a moment ago may be missing. */
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

/** How many listeners want each language: `{es: 12}`. */
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
