import { isDeepStrictEqual } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, DynamoDBDocumentClient, GetCommand, paginateScan } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Tables } from "../port/core.js";
import type { RowChange } from "../store/row-change.js";
import { definitions, streamArn, tables } from "./table-definition.js";

/** dynalite, or Amazon's own engine with `DYNAMODB_ENGINE=dynamodb-local`. */
const engine = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? "dynamodb-local" : "dynalite";

export type Rows = Readonly<Record<keyof Tables, readonly Record<string, unknown>[]>>;

export const noRows: Rows = { sessions: [], connections: [], rateLimits: [] };

const keys = { sessions: "sessionId", connections: "connectionId", rateLimits: "identifier" } as const;

export const tableNames = ["sessions", "connections", "rateLimits"] as const;

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
  const clients: DynamoDBClient[] = [];
  const connectAs = (accessKeyId: string): DynamoDBDocumentClient => {
    const client = new DynamoDBClient({
      endpoint: dynamoDb.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey: "secret" },
      maxAttempts: 1,
      requestHandler: dynamoDb.requestHandler,
    });
    clients.push(client);
    return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  };
  /** The test's own client: its requests meet no faults and are not counted. */
  const own = connectAs("TEST");

  const rows = async (table: keyof Tables): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    const pages = paginateScan({ client: own }, { TableName: tables[table], ConsistentRead: true });
    for await (const page of pages) items.push(...(page.Items ?? []));
    return items;
  };

  const writeBatches = async (table: keyof Tables, writes: readonly Record<string, unknown>[]) => {
    for (let start = 0; start < writes.length; start += 25) {
      await own.send(
        new BatchWriteCommand({ RequestItems: { [tables[table]]: writes.slice(start, start + 25) } }),
      );
    }
  };

  /** Makes these the table's only rows. */
  const replace = async (table: keyof Tables, wanted: Rows[keyof Tables]): Promise<void> => {
    if (wanted.length === 0 && !touched.has(tables[table])) return;
    const key = keys[table];
    const present = new Map((await rows(table)).map((row) => [row[key], row]));
    const kept = new Set(wanted.map((row) => row[key]));
    await writeBatches(table, [
      ...[...present.keys()]
        .filter((id) => !kept.has(id))
        .map((id) => ({ DeleteRequest: { Key: { [key]: id } } })),
      ...wanted
        .filter((row) => !isDeepStrictEqual(row, present.get(row[key])))
        .map((Item) => ({ PutRequest: { Item } })),
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
    db: connectAs("CORE"),
    rows,
    row: async (table: keyof Tables, id: string): Promise<Record<string, unknown> | undefined> => {
      const read = { TableName: tables[table], Key: { [keys[table]]: id }, ConsistentRead: true };
      return (await own.send(new GetCommand(read))).Item;
    },
    /** Puts rows beside those that are there. */
    plant: (table: keyof Tables, ...planted: readonly Record<string, unknown>[]): Promise<void> =>
      writeBatches(
        table,
        planted.map((Item) => ({ PutRequest: { Item } })),
      ),
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
      for (const client of clients) client.destroy();
      await dynamoDb.close();
    },
  };
};
