import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, describe, expect, test } from "vitest";
import { StackClock } from "../clock.js";
import { startDynamoDb } from "../dynamodb/dynamodb.js";
import { createStream, type StreamRecord } from "../dynamodb/stream.js";
import type { TableDefinition } from "../dynamodb/table.js";
import type { Outcome } from "../lambda/invocation.js";
import type { FailureMessage } from "./failure-message.js";
import type { Mapping, MappingEvent } from "./mapping.js";
import { startMapping } from "./start-mapping.js";

const table: TableDefinition = {
  name: "Orders",
  arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/Orders",
  hashKey: "id",
  attributes: [{ name: "id", type: "S" }],
  globalIndexes: [],
  stream: {
    arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/Orders/stream/2026-01-01T00:00:00.000",
    viewType: "NEW_AND_OLD_IMAGES",
  },
  ttlAttribute: undefined,
};

/** `a3` is the third change of item a. */
const labelOf = ({ dynamodb }: StreamRecord): string => `${dynamodb.Keys.id?.S}${dynamodb.NewImage?.n?.N}`;

const fine: Outcome = { kind: "returned", payload: null };
const broken: Outcome = { kind: "failed", errorType: "Error", errorMessage: "broken" };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Handler = (records: readonly StreamRecord[], attempt: number) => Outcome | Promise<Outcome>;

const start = (settings: Partial<Mapping>, handler: Handler) => {
  const clock = new StackClock();
  if (!table.stream) throw new Error("The orders have a stream");
  const stream = createStream(table, table.stream, { region: "eu-west-1", clock });
  const batches: string[][] = [];
  const failures: { destination: string; message: FailureMessage }[] = [];
  const events: MappingEvent[] = [];
  const watchers = new Set<() => void>();
  const append = (id: string, n: number) =>
    stream.append({ before: undefined, after: { id: { S: id }, n: { N: String(n) } } });
  const open = () => {
    const mapping = startMapping(
      {
        id: "mapping",
        functionName: "orders-local",
        functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:orders-local",
        stream,
        startingPosition: "TRIM_HORIZON",
        filters: [],
        bisectBatchOnFunctionError: false,
        reportBatchItemFailures: false,
        parallelizationFactor: 1,
        ...settings,
      },
      {
        clock,
        async invoke(functionName, event) {
          expect(functionName).toBe("orders-local");
          const { Records } = event as { Records: StreamRecord[] };
          batches.push(Records.map(labelOf));
          return handler(Records, batches.length);
        },
        deliverFailure: (destination, message) => failures.push({ destination, message }),
        onEvent(event) {
          events.push(event);
          for (const watcher of watchers) watcher();
        },
      },
    );
    closing.push(async () => {
      await mapping.close();
      clock.close();
    });
    return mapping;
  };
  /** Resolves once the mapping has done something of this kind, `times` in all. */
  const saw = (kind: MappingEvent["kind"], times = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        if (events.filter((event) => event.kind === kind).length >= times) resolve();
      };
      watchers.add(look);
      look();
    });
  return { clock, stream, append, batches, failures, events, saw, open };
};

/** Moves the clock on whenever the mapping waits for its next attempt. */
const hurry = async (run: ReturnType<typeof start>, until: Promise<void>): Promise<void> => {
  let over = false;
  const end = until.then(() => {
    over = true;
  });
  for (let waits = 1; !over; waits++) {
    await Promise.race([end, run.saw("retrying", waits)]);
    run.clock.advance(5_000);
  }
};

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

describe("errors", () => {
  test("a failed batch is retried whole, and what comes after it waits", async () => {
    const run = start({ batchSize: 2 }, (_, attempt) => (attempt <= 2 ? broken : fine));
    const mapping = run.open();
    for (let n = 1; n <= 3; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([["a1", "a2"], ["a1", "a2"], ["a1", "a2"], ["a3"]]);
    const waits = run.events.flatMap((event) => (event.kind === "retrying" ? [event.afterMs] : []));
    expect(waits).toEqual([100, 200]);
  });

  test("a function that times out has failed", async () => {
    const run = start({ maximumRetryAttempts: 0 }, () => ({ kind: "timed-out", afterSeconds: 3 }));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.events.at(-1)).toMatchObject({ kind: "discarded", condition: "RetryAttemptsExhausted" });
  });

  test("after its retries a batch is given up and the destination told where it was", async () => {
    const onFailureArn = "arn:aws:sqs:eu-west-1:000000000000:failures";
    const run = start({ maximumRetryAttempts: 2, onFailureArn }, ([record]) =>
      record && labelOf(record) === "a1" ? broken : fine,
    );
    const mapping = run.open();
    for (let n = 1; n <= 2; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    run.append("a", 3);
    await mapping.idle();
    expect(run.batches).toEqual([["a1", "a2"], ["a1", "a2"], ["a1", "a2"], ["a3"]]);
    expect(run.failures).toEqual([
      {
        destination: onFailureArn,
        message: {
          requestContext: {
            requestId: expect.any(String),
            functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:orders-local",
            condition: "RetryAttemptsExhausted",
            approximateInvokeCount: 3,
          },
          responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
          version: "1.0",
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
          DDBStreamBatchInfo: {
            shardId: expect.stringMatching(/^shardId-/),
            startSequenceNumber: expect.stringMatching(/01$/),
            endSequenceNumber: expect.stringMatching(/02$/),
            approximateArrivalOfFirstRecord: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
            approximateArrivalOfLastRecord: expect.stringMatching(/Z$/),
            batchSize: 2,
            streamArn: table.stream?.arn,
          },
        },
      },
    ]);
  });

  test("bisecting isolates the bad record without using up retries", async () => {
    const settings = { bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailureArn: "arn:queue" };
    const run = start(settings, (records) =>
      records.some((record) => labelOf(record) === "a3") ? broken : fine,
    );
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a1", "a2"],
      ["a3", "a4"],
      ["a3"],
      ["a3"],
      ["a4"],
    ]);
    expect(run.failures).toHaveLength(1);
    expect(run.failures[0]?.message.DDBStreamBatchInfo.batchSize).toBe(1);
  });

  test("a throttled function is tried again without limit", async () => {
    const run = start({ maximumRetryAttempts: 0 }, (_, attempt) =>
      attempt <= 4 ? { kind: "throttled" } : fine,
    );
    const mapping = run.open();
    run.append("a", 1);
    await hurry(run, mapping.idle());
    expect(run.batches).toHaveLength(5);
    expect(run.failures).toEqual([]);
  });

  test("records that grow too old are given up, those that were never tried without a response", async () => {
    const run = start({ maximumRecordAgeInSeconds: 60, onFailureArn: "arn:queue" }, () => broken);
    run.append("a", 1);
    run.clock.advance(120_000);
    const mapping = run.open();
    await mapping.idle();
    expect(run.batches).toEqual([]);
    expect(run.failures[0]?.message.requestContext).toMatchObject({
      condition: "RecordAgeExceeded",
      approximateInvokeCount: 0,
    });
    expect(run.failures[0]?.message).not.toHaveProperty("responseContext");
    run.append("a", 2);
    await run.saw("retrying");
    run.clock.advance(120_000);
    await mapping.idle();
    expect(run.failures[1]?.message).toMatchObject({
      requestContext: { condition: "RecordAgeExceeded", approximateInvokeCount: 1 },
      responseContext: { functionError: "Unhandled" },
    });
  });

  test("infinite retries end when the stream forgets the record after a day", async () => {
    const run = start({ onFailureArn: "arn:queue" }, () => broken);
    const mapping = run.open();
    run.append("a", 1);
    await run.saw("retrying");
    run.clock.advance(25 * 3600_000);
    await mapping.idle();
    expect(run.failures[0]?.message.requestContext.condition).toBe("RecordAgeExceeded");
  });
});

describe("partial responses", () => {
  const failing = (label: string, times: number): Handler => {
    let left = times;
    return (records) => {
      const at = records.find((record) => labelOf(record) === label);
      if (!at || left-- <= 0) return { kind: "returned", payload: { batchItemFailures: [] } };
      return report(records.slice(records.indexOf(at)).map(({ dynamodb }) => dynamodb.SequenceNumber));
    };
  };
  const report = (identifiers: unknown[]): Outcome => ({
    kind: "returned",
    payload: { batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })).reverse() },
  });

  test("the batch goes on from the lowest sequence number that failed", async () => {
    const run = start({ reportBatchItemFailures: true }, failing("a3", 1));
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a3", "a4"],
    ]);
  });

  test("with bisecting, too, and then the bad record is isolated and what follows it is served", async () => {
    const settings = {
      reportBatchItemFailures: true,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 1,
      onFailureArn: "arn:queue",
    };
    const run = start(settings, failing("a2", 100));
    const mapping = run.open();
    for (let n = 1; n <= 4; n++) run.append("a", n);
    await hurry(run, mapping.idle());
    expect(run.batches).toEqual([
      ["a1", "a2", "a3", "a4"],
      ["a2", "a3", "a4"],
      ["a2", "a3"],
      ["a2"],
      ["a2"],
      ["a3"],
      ["a4"],
    ]);
    expect(run.failures.map(({ message }) => message.DDBStreamBatchInfo.batchSize)).toEqual([1]);
    expect(run.failures[0]?.message.responseContext).not.toHaveProperty("functionError");
  });

  test.each([
    ["null", null],
    ["an empty object", {}],
    ["an empty list", { batchItemFailures: [] }],
    ["a null list", { batchItemFailures: null }],
  ])("%s is success", async (_, payload) => {
    const run = start({ reportBatchItemFailures: true }, () => ({ kind: "returned", payload }));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.batches).toHaveLength(1);
    expect(run.events.map(({ kind }) => kind)).toEqual(["invoked"]);
  });

  test.each([
    ["an empty identifier", [{ itemIdentifier: "" }]],
    ["a null identifier", [{ itemIdentifier: null }]],
    ["a wrong key", [{ id: "1" }]],
    ["an identifier of another batch", [{ itemIdentifier: "7" }]],
    ["no list", "all"],
  ])("%s fails the batch whole", async (_, batchItemFailures) => {
    const run = start({ reportBatchItemFailures: true, maximumRetryAttempts: 0 }, () => ({
      kind: "returned",
      payload: { batchItemFailures },
    }));
    const mapping = run.open();
    for (let n = 1; n <= 2; n++) run.append("a", n);
    await mapping.idle();
    expect(run.events.at(-1)).toMatchObject({ kind: "discarded", records: [{}, {}] });
  });

  test("a response counts for nothing unless the mapping asks for it", async () => {
    const run = start({}, failing("a1", 100));
    const mapping = run.open();
    run.append("a", 1);
    await mapping.idle();
    expect(run.batches).toEqual([["a1"]]);
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
