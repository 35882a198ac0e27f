import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { StackClock } from "../clock.js";
import { createAuthorize, type Principal } from "../iam.js";
import { type DynamoDbOptions, startDynamoDb } from "./dynamodb.js";
import type { RequestRecord } from "./handler.js";
import type { StreamReader, StreamRecord } from "./stream.js";
import type { TableDefinition } from "./table.js";

/** DynamoDB Local joins in when asked for, so that the ordinary tests need no Java. */
export const engines: readonly DynamoDbOptions["engine"][] =
  process.env.DYNAMODB_ENGINE === "dynamodb-local" ? ["dynalite", "dynamodb-local"] : ["dynalite"];

const arn = (name: string): string => `arn:aws:dynamodb:eu-west-1:000000000000:table/${name}`;

/** Streamed, indexed both ways, with a TTL. */
export const orders: TableDefinition = {
  name: "Orders",
  arn: arn("Orders"),
  hashKey: "orderId",
  attributes: [
    { name: "orderId", type: "S" },
    { name: "customer", type: "S" },
    { name: "placedAt", type: "N" },
  ],
  globalIndexes: [
    { name: "byCustomer", hashKey: "customer", rangeKey: "placedAt", projectionType: "KEYS_ONLY" },
    { name: "byCustomerFull", hashKey: "customer", projectionType: "ALL" },
  ],
  stream: { arn: `${arn("Orders")}/stream/2026-01-01T00:00:00.000`, viewType: "NEW_AND_OLD_IMAGES" },
  ttlAttribute: "expiresAt",
};

/** No stream, no index, no TTL. */
export const counters: TableDefinition = {
  name: "Counters",
  arn: arn("Counters"),
  hashKey: "name",
  rangeKey: "shard",
  attributes: [
    { name: "name", type: "S" },
    { name: "shard", type: "N" },
  ],
  globalIndexes: [],
  stream: undefined,
  ttlAttribute: undefined,
};

export const reader: Principal = {
  arn: "arn:aws:sts::000000000000:assumed-role/reader/reader",
  statements: [
    { actions: ["dynamodb:GetItem", "dynamodb:Query"], resources: [orders.arn] },
    { actions: ["dynamodb:BatchWriteItem"], resources: [orders.arn] },
  ],
};

export const startStack = async (engine: DynamoDbOptions["engine"]) => {
  const clock = new StackClock();
  const requests: RequestRecord[] = [];
  const dynamoDb = await startDynamoDb({
    engine,
    port: 0,
    region: "eu-west-1",
    accountId: "000000000000",
    clock,
    authorize: createAuthorize(new Map([["READER", reader]])),
    tables: [orders, counters],
    onRequest: (record) => requests.push(record),
  });
  const connect = (accessKeyId = "OPERATOR") =>
    new DynamoDBClient({
      endpoint: dynamoDb.endpoint,
      region: "eu-west-1",
      credentials: { accessKeyId, secretAccessKey: "secret" },
      maxAttempts: 1,
    });
  const client = connect();
  return {
    clock,
    requests,
    dynamoDb,
    connect,
    documents: DynamoDBDocumentClient.from(client),
    /** The newest observed request. */
    last: () => requests.at(-1),
    stream: () => {
      const stream = dynamoDb.streams.get(orders.stream?.arn ?? "");
      if (!stream) throw new Error("The orders have a stream");
      return stream;
    },
    async close() {
      client.destroy();
      clock.close();
      await dynamoDb.close();
    },
  };
};

export type TestStack = Awaited<ReturnType<typeof startStack>>;

/** Takes all that a reader has, and finishes it. */
export const drain = (from: StreamReader): StreamRecord[] =>
  from.take().map((entry) => {
    from.finish(entry);
    return entry.record;
  });

/** Writes and reads single orders. `stack` is called at each use: a hook starts the stack later. */
export const rowsOf = (stack: () => TestStack) => ({
  put: (Item: Record<string, unknown>) =>
    stack().documents.send(new PutCommand({ TableName: "Orders", Item })),
  get: async (orderId: string) => {
    const command = new GetCommand({ TableName: "Orders", Key: { orderId }, ConsistentRead: true });
    return (await stack().documents.send(command)).Item;
  },
  raise: (orderId: string, more: object) =>
    stack().documents.send(
      new UpdateCommand({
        TableName: "Orders",
        Key: { orderId },
        UpdateExpression: "ADD amount :one",
        ExpressionAttributeValues: { ":one": 1 },
        ...more,
      }),
    ),
});
