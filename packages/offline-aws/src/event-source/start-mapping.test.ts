import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import { StackClock } from "../clock.js";
import { startDynamoDb } from "../dynamodb/dynamodb.js";
import type { Outcome } from "../lambda/invocation.js";
import { startMapping } from "./start-mapping.js";
import { broken, fine, start, table } from "./testing.js";

describe("delivery", () => {
  test("records that are written together come in one batch per shard, in order", async () => {
    const run = start({}, () => fine);
    const mapping = run.open();
    for (let n = 1; n <= 5; n++) run.append("a", n);
    await mapping.idle();
    expect(run.batches).toEqual([["a1", "a2", "a3", "a4", "a5"]]);
  });

  test("a batch is no larger than its size", async () => {
    const run = start({ batchSize: 2 }, () => fine);
    const mapping = run.open();
    for (let n = 1; n <= 5; n++) run.append("a", n);
    await mapping.idle();
    expect(run.batches).toEqual([["a1", "a2"], ["a3", "a4"], ["a5"]]);
  });

  test("TRIM_HORIZON begins with what was there before, LATEST after it", async () => {
    const early = start({ startingPosition: "TRIM_HORIZON" }, () => fine);
    early.append("a", 1);
    await early.open().idle();
    expect(early.batches).toEqual([["a1"]]);
    const late = start({ startingPosition: "LATEST" }, () => fine);
    late.append("a", 1);
    const mapping = late.open();
    late.append("a", 2);
    await mapping.idle();
    expect(late.batches).toEqual([["a2"]]);
  });

  test("records that no filter lets through invoke nothing", async () => {
    const filters = ['{"dynamodb":{"NewImage":{"n":{"N":["2"]}}}}'];
    const run = start({ filters }, () => fine);
    const mapping = run.open();
    for (let n = 1; n <= 3; n++) run.append("a", n);
    await mapping.idle();
    expect(run.batches).toEqual([["a2"]]);
    run.append("a", 9);
    await mapping.idle();
    expect(run.batches).toHaveLength(1);
  });

  test("a filter that is not valid keeps the mapping from starting", () => {
    const run = start({ filters: ["{"] }, () => fine);
    expect(() => run.open()).toThrow("filter pattern");
  });

  test("a shard with more lanes works on several items at once, each item in its order", async () => {
    let [underWay, most] = [0, 0];
    const order = new Map<string, number[]>();
    const run = start({ parallelizationFactor: 10, batchSize: 1 }, async (records) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      for (const { dynamodb } of records) {
        const id = dynamodb.Keys.id?.S ?? "";
        order.set(id, [...(order.get(id) ?? []), Number(dynamodb.NewImage?.n?.N)]);
      }
      return fine;
    });
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) for (let item = 0; item < 40; item++) run.append(`item-${item}-`, n);
    await mapping.idle();
    expect(order.size).toBe(40);
    for (const numbers of order.values()) expect(numbers).toEqual([1, 2, 3, 4]);
    // Four shards of ten lanes.
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(40);
  });

  test("with one lane a shard never has two batches under way", async () => {
    const busy = new Set<string>();
    const run = start({ batchSize: 1 }, async (records) => {
      const id = records[0]?.dynamodb.Keys.id?.S ?? "";
      expect(busy.has(id)).toBe(false);
      busy.add(id);
      await new Promise((resolve) => setImmediate(resolve));
      busy.delete(id);
      return fine;
    });
    const mapping = run.open();
    for (let n = 1; n <= 10; n++) run.append("a", n);
    await mapping.idle();
    expect(run.batches).toHaveLength(10);
  });

  test("a batching window gathers records until it ends or the batch is full", async () => {
    const run = start({ maximumBatchingWindowInSeconds: 10, batchSize: 3 }, () => fine);
    const mapping = run.open();
    run.append("a", 1);
    await new Promise((resolve) => setImmediate(resolve));
    run.append("a", 2);
    expect(run.batches).toEqual([]);
    run.clock.advance(10_000);
    await mapping.idle();
    expect(run.batches).toEqual([["a1", "a2"]]);
    for (let n = 3; n <= 5; n++) run.append("a", n);
    await mapping.idle();
    expect(run.batches[1]).toEqual(["a3", "a4", "a5"]);
  });
});

describe("closing", () => {
  test("ends a wait for the next attempt, and nothing is invoked afterwards", async () => {
    const run = start({}, () => broken);
    const mapping = run.open();
    run.append("a", 1);
    await run.saw("retrying");
    const idle = mapping.idle();
    await mapping.close();
    await idle;
    run.clock.advance(60_000);
    run.append("a", 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.batches).toEqual([["a1"]]);
  });

  test("waits for the invocation that is under way", async () => {
    let answer: (outcome: Outcome) => void = () => undefined;
    const invoked = new Promise<Outcome>((resolve) => {
      answer = resolve;
    });
    const run = start({}, () => invoked);
    const mapping = run.open();
    run.append("a", 1);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.batches).toHaveLength(1);
    let closed = false;
    const close = mapping.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    answer(fine);
    await close;
  });

  test("a mapping that starts again goes on with what was not finished", async () => {
    const run = start({}, (_, attempt) => (attempt === 1 ? broken : fine));
    const first = run.open();
    run.append("a", 1);
    await run.saw("retrying");
    await first.close();
    await run.open().idle();
    expect(run.batches).toEqual([["a1"], ["a1"]]);
  });
});

test("a write through DynamoDB reaches the function", async () => {
  const clock = new StackClock();
  const dynamoDb = await startDynamoDb({
    engine: "dynalite",
    port: 0,
    region: "eu-west-1",
    accountId: "000000000000",
    clock,
    authorize: () => ({ allowed: true }),
    tables: [table],
  });
  const client = new DynamoDBClient({
    endpoint: dynamoDb.endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "KEY", secretAccessKey: "secret" },
  });
  const stream = dynamoDb.streams.get(table.stream?.arn ?? "");
  if (!stream) throw new Error("The orders have a stream");
  const seen: unknown[] = [];
  const mapping = startMapping(
    {
      id: "mapping",
      functionName: "orders-local",
      functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:orders-local",
      stream,
      startingPosition: "TRIM_HORIZON",
      filters: ['{"dynamodb":{"NewImage":{"n":{"N":[{"exists":true}]}}}}'],
      bisectBatchOnFunctionError: true,
      reportBatchItemFailures: true,
      parallelizationFactor: 2,
    },
    {
      clock,
      invoke: async (_, event) => {
        seen.push(event);
        return fine;
      },
      deliverFailure: () => undefined,
    },
  );
  try {
    await client.send(new PutItemCommand({ TableName: "Orders", Item: { id: { S: "a" }, n: { N: "1" } } }));
    await client.send(new PutItemCommand({ TableName: "Orders", Item: { id: { S: "b" } } }));
    await mapping.idle();
    expect(seen).toMatchObject([
      { Records: [{ eventName: "INSERT", dynamodb: { Keys: { id: { S: "a" } } } }] },
    ]);
  } finally {
    await mapping.close();
    client.destroy();
    clock.close();
    await dynamoDb.close();
  }
});
