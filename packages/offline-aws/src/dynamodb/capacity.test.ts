import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines, rowsOf, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("capacity on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());
  const { put, raise } = rowsOf(() => stack);

  const kilobyte = "x".repeat(1100);

  test("a write costs a unit per KB, and one more for each index that it touches", async () => {
    await put({ orderId: "cost" });
    expect(stack.last()).toMatchObject({ operation: "PutItem", table: "Orders", consumedWriteUnits: 1 });
    await put({ orderId: "cost", customer: "ann", placedAt: 1 });
    expect(stack.last()?.consumedWriteUnits).toBe(3);
    // The small index does not hold the note, the full one does.
    await put({ orderId: "cost", customer: "ann", placedAt: 1, note: kilobyte });
    expect(stack.last()?.consumedWriteUnits).toBe(2 + 2);
    // Nothing changes, so no index is touched.
    await put({ orderId: "cost", customer: "ann", placedAt: 1, note: kilobyte });
    expect(stack.last()?.consumedWriteUnits).toBe(2);
    // Another key: both indexes delete and put.
    await raise("cost", {
      UpdateExpression: "SET customer = :bob REMOVE note",
      ExpressionAttributeValues: { ":bob": "bob" },
    });
    expect(stack.last()?.consumedWriteUnits).toBe(2 + 2 + 3);
    await stack.documents.send(new DeleteCommand({ TableName: "Orders", Key: { orderId: "cost" } }));
    expect(stack.last()?.consumedWriteUnits).toBe(3);
  });

  test("deleting what is not there costs a unit", async () => {
    await stack.documents.send(new DeleteCommand({ TableName: "Orders", Key: { orderId: "never" } }));
    expect(stack.last()).toMatchObject({ consumedWriteUnits: 1, errorType: undefined });
  });

  test("a refused condition still costs what the item weighs", async () => {
    await put({ orderId: "heavy", note: kilobyte });
    await raise("heavy", { ConditionExpression: "attribute_not_exists(orderId)" }).catch(() => undefined);
    expect(stack.last()).toMatchObject({
      consumedWriteUnits: 2,
      consumedReadUnits: 0,
      errorType: "ConditionalCheckFailedException",
    });
  });

  test("a table without stream or index is counted alike", async () => {
    const count = (values: Record<string, unknown>) =>
      stack.documents.send(
        new UpdateCommand({
          TableName: "Counters",
          Key: { name: "plain", shard: 1 },
          UpdateExpression: "SET note = :note",
          ExpressionAttributeValues: { ":note": values.note },
        }),
      );
    await count({ note: "small" });
    expect(stack.last()).toMatchObject({ table: "Counters", consumedWriteUnits: 1 });
    await count({ note: kilobyte });
    expect(stack.last()?.consumedWriteUnits).toBe(2);
    await count({ note: "small" });
    expect(stack.last()?.consumedWriteUnits).toBe(2);
  });

  test("a batch sums up its writes; reads are halved unless consistent, and a missing item is paid for", async () => {
    await stack.documents.send(
      new BatchWriteCommand({
        RequestItems: {
          Orders: [
            { PutRequest: { Item: { orderId: "sum-1", customer: "sum", placedAt: 1 } } },
            { DeleteRequest: { Key: { orderId: "sum-2" } } },
          ],
          Counters: [{ PutRequest: { Item: { name: "sum", shard: 1 } } }],
        },
      }),
    );
    expect(stack.last()).toMatchObject({ table: "Orders,Counters", consumedWriteUnits: 3 + 1 + 1 });
    const read = (orderId: string, ConsistentRead: boolean) =>
      stack.documents.send(new GetCommand({ TableName: "Orders", Key: { orderId }, ConsistentRead }));
    await read("sum-1", true);
    expect(stack.last()).toMatchObject({ consumedReadUnits: 1, consumedWriteUnits: 0 });
    await read("sum-1", false);
    expect(stack.last()?.consumedReadUnits).toBe(0.5);
    await read("missing", true);
    expect(stack.last()?.consumedReadUnits).toBe(1);
    await read("missing", false);
    expect(stack.last()?.consumedReadUnits).toBe(0.5);
    await stack.documents.send(
      new BatchGetCommand({
        RequestItems: { Orders: { Keys: [{ orderId: "sum-1" }, { orderId: "missing" }] } },
      }),
    );
    expect(stack.last()?.consumedReadUnits).toBe(1);
  });

  test("a query is observed with its index, and an empty one costs the least", async () => {
    const query = (customer: string) =>
      stack.documents.send(
        new QueryCommand({
          TableName: "Orders",
          IndexName: "byCustomerFull",
          KeyConditionExpression: "customer = :c",
          ExpressionAttributeValues: { ":c": customer },
        }),
      );
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        put({ orderId: `q-${index}`, customer: "query", note: kilobyte }),
      ),
    );
    expect((await query("query")).Count).toBe(5);
    expect(stack.last()).toMatchObject({
      operation: "Query",
      index: "byCustomerFull",
      consumedReadUnits: 1,
    });
    await query("nobody");
    expect(stack.last()?.consumedReadUnits).toBe(0.5);
  });

  test("the client sees consumed capacity only when it asks, in the detail it asks for", async () => {
    const write = { TableName: "Orders", Item: { orderId: "asked", customer: "ann", placedAt: 1 } };
    expect(await stack.documents.send(new PutCommand(write))).not.toHaveProperty("ConsumedCapacity");
    await stack.documents.send(new DeleteCommand({ TableName: "Orders", Key: { orderId: "asked" } }));
    const detailed = await stack.documents.send(
      new PutCommand({ ...write, ReturnConsumedCapacity: "INDEXES" }),
    );
    expect(detailed.ConsumedCapacity).toEqual({
      TableName: "Orders",
      CapacityUnits: 3,
      Table: { CapacityUnits: 1 },
      GlobalSecondaryIndexes: { byCustomer: { CapacityUnits: 1 }, byCustomerFull: { CapacityUnits: 1 } },
    });
    const read = { TableName: "Orders", Key: { orderId: "asked" } };
    expect(await stack.documents.send(new GetCommand(read))).not.toHaveProperty("ConsumedCapacity");
    const summed = await stack.documents.send(new GetCommand({ ...read, ReturnConsumedCapacity: "TOTAL" }));
    expect(summed.ConsumedCapacity).toEqual({ TableName: "Orders", CapacityUnits: 0.5 });
  });

  test("each request is observed once, with its caller; the proxy's own reads are not", async () => {
    const before = stack.requests.length;
    await raise("observed", {});
    expect(stack.requests.slice(before)).toEqual([
      {
        operation: "UpdateItem",
        table: "Orders",
        index: undefined,
        accessKeyId: "OPERATOR",
        userAgent: expect.stringContaining("aws-sdk-js"),
        startedAt: expect.any(Number),
        durationMs: expect.any(Number),
        consumedReadUnits: 0,
        consumedWriteUnits: 1,
        errorType: undefined,
      },
    ]);
  });
});
