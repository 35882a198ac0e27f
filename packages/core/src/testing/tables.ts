import { isDeepStrictEqual } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import * as v from "valibot";
import type { Tables } from "../port/core.js";
import type { RowChange } from "../store/row-change.js";
import { definitions, streamArn, tables } from "./table-definition.js";

/** dynalite, or Amazon's own engine with `DYNAMODB_ENGINE=dynamodb-local`. */
const engine = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? "dynamodb-local" : "dynalite";

export type Rows = Readonly<Record<keyof Tables, readonly Record<string, unknown>[]>>;

export const noRows: Rows = { sessions: [], connections: [], rateLimits: [] };

const keys = { sessions: "sessionId", connections: "connectionId", rateLimits: "identifier" } as const;

export const tableNames = ["sessions", "connections", "rateLimits"] as const;

const signedBy = (accessKeyId: string) => ({ authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/` });

const itemSchema = v.pipe(
  v.custom<Parameters<typeof unmarshall>[0]>((item) => typeof item === "object" && item !== null),
  v.transform((item): Record<string, unknown> => unmarshall(item)),
);

/** Of an answer of DynamoDB, what the tests read. */
const answerSchema = v.object({
  Item: v.optional(itemSchema),
  Items: v.optional(v.array(itemSchema)),
  LastEvaluatedKey: v.optional(v.looseObject({})),
});

/** The tables on an embedded engine: their rows, their streams, and faults. */
export const startTables = async (now: () => number) => {
  let requests: string[] = [];
  /** Tables that were written to since their rows were last replaced. */
  const touched = new Set<string>();
  // Imported only here, so that tests without tables do not load the offline AWS.
  const { startDynamoDb } = await import("offline-aws");
  const dynamoDb = await startDynamoDb({
    engine,
    port: 0,
    region: "us-east-1",
    accountId: "000000000000",
    clock: {
      now,
      after: (delay, callback) => {
        const timer = setTimeout(callback, delay);
        return () => clearTimeout(timer);
      },
    },
    authorize: () => ({ allowed: true }),
    tables: definitions,
    onRequest: ({ operation, accessKeyId, table = "" }) => {
      if (accessKeyId === "CORE") requests.push(operation);
      if (/^(Put|Update|Delete|BatchWrite)Item$/.test(operation)) touched.add(table);
    },
  });
  const client = new DynamoDBClient({
    endpoint: dynamoDb.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "CORE", secretAccessKey: "secret" },
    maxAttempts: 1,
    requestHandler: dynamoDb.requestHandler,
    // The engine reads only the key id, and a real signature costs CPU at every request.
    signer: async () => ({
      sign: async (request) =>
        Object.assign(request, { headers: { ...request.headers, ...signedBy("CORE") } }),
    }),
  });

  /** The test's own requests meet no faults and are not counted. They do without the SDK, whose share is the largest. */
  const ask = async (operation: string, request: object): Promise<v.InferOutput<typeof answerSchema>> => {
    const headers = { ...signedBy("TEST"), "x-amz-target": `DynamoDB_20120810.${operation}` };
    const { response } = await dynamoDb.requestHandler.handle({ headers, body: JSON.stringify(request) });
    const text = response.body.toString();
    if (response.statusCode !== 200) throw new Error(`${operation}: ${text}`);
    return v.parse(answerSchema, JSON.parse(text));
  };

  const rows = async (table: keyof Tables): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    let next: object | undefined;
    do {
      const page = { TableName: tables[table], ConsistentRead: true, ExclusiveStartKey: next };
      const { Items = [], LastEvaluatedKey } = await ask("Scan", page);
      items.push(...Items);
      next = LastEvaluatedKey;
    } while (next);
    return items;
  };

  const writeBatches = async (table: keyof Tables, writes: readonly object[]) => {
    for (let start = 0; start < writes.length; start += 25) {
      await ask("BatchWriteItem", { RequestItems: { [tables[table]]: writes.slice(start, start + 25) } });
    }
  };

  const putOf = (row: Record<string, unknown>) => ({
    PutRequest: { Item: marshall(row, { removeUndefinedValues: true }) },
  });

  /** Makes these the table's only rows. */
  const replace = async (table: keyof Tables, wanted: Rows[keyof Tables]): Promise<void> => {
    if (wanted.length === 0 && !touched.has(tables[table])) return;
    const key = keys[table];
    const present = new Map((await rows(table)).map((row) => [row[key], row]));
    const kept = new Set(wanted.map((row) => row[key]));
    await writeBatches(table, [
      ...[...present.keys()]
        .filter((id) => !kept.has(id))
        .map((id) => ({ DeleteRequest: { Key: marshall({ [key]: id }) } })),
      ...wanted.filter((row) => !isDeepStrictEqual(row, present.get(row[key]))).map(putOf),
    ]);
    if (wanted.length === 0) touched.delete(tables[table]);
  };

  const readers = [tables.sessions, tables.connections].map((name) => {
    const stream = dynamoDb.streams.get(streamArn(name));
    if (!stream) throw new Error(`${name} has no stream`);
    return { table: name, reader: stream.open("TRIM_HORIZON", () => undefined) };
  });

  /** The stream records of both tables that were not taken yet. */
  const changes = (): (RowChange & { readonly table: string })[] =>
    readers.flatMap(({ table, reader }) =>
      reader.take().map((entry) => {
        reader.finish(entry);
        const { eventName, dynamodb, userIdentity } = entry.record;
        const image = (item: typeof dynamodb.NewImage) =>
          item && unmarshall(item as Parameters<typeof unmarshall>[0]);
        return {
          table,
          eventName,
          byTtl: userIdentity !== undefined,
          before: image(dynamodb.OldImage),
          after: image(dynamodb.NewImage),
          changedAt: now(),
        };
      }),
    );

  return {
    /** The domain's client. */
    db: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    rows,
    row: async (table: keyof Tables, id: string): Promise<Record<string, unknown> | undefined> => {
      const Key = marshall({ [keys[table]]: id });
      return (await ask("GetItem", { TableName: tables[table], Key, ConsistentRead: true })).Item;
    },
    /** Puts rows beside those that are there. */
    plant: (table: keyof Tables, ...planted: readonly Record<string, unknown>[]): Promise<void> =>
      writeBatches(table, planted.map(putOf)),
    replaceAll: async (wanted: Rows): Promise<void> => {
      await Promise.all(tableNames.map((table) => replace(table, wanted[table])));
      changes();
    },
    changes,
    faults: dynamoDb.faults,
    sweep: async () => {
      for (const name of Object.values(tables)) touched.add(name);
      return dynamoDb.sweep();
    },
    /** The domain's requests that DynamoDB has received. */
    requests: () => requests,
    forgetRequests: () => {
      requests = [];
    },
    close: async () => {
      client.destroy();
      await dynamoDb.close();
    },
  };
};
