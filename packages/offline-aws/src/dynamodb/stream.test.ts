import { GetItemCommand, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StackClock } from "../clock.js";
import { createStream, type StreamReader, type StreamRecord } from "./stream.js";
import { drain, engines, orders, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("streams on %s", (engine) => {
  let stack: TestStack;
  let from: StreamReader;
  beforeAll(async () => {
    stack = await startStack(engine);
    from = stack.stream().open("LATEST", () => undefined);
  });
  afterAll(() => stack.close());

  const put = (Item: Record<string, unknown>) =>
    stack.documents.send(new PutCommand({ TableName: "Orders", Item }));
  const set = (orderId: string, note: string) =>
    stack.documents.send(
      new UpdateCommand({
        TableName: "Orders",
        Key: { orderId },
        UpdateExpression: "SET note = :note",
        ExpressionAttributeValues: { ":note": note },
      }),
    );
  const remove = (orderId: string) =>
    stack.documents.send(new DeleteCommand({ TableName: "Orders", Key: { orderId } }));

  test("a record has the form in which Lambda delivers it", async () => {
    await put({ orderId: "form", count: 101 });
    expect(drain(from)).toEqual([
      {
        eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventName: "INSERT",
        eventVersion: "1.1",
        eventSource: "aws:dynamodb",
        awsRegion: "eu-west-1",
        dynamodb: {
          ApproximateCreationDateTime: expect.any(Number),
          Keys: { orderId: { S: "form" } },
          NewImage: { orderId: { S: "form" }, count: { N: "101" } },
          SequenceNumber: expect.stringMatching(/^\d{21}$/),
          // Key 7+4, image 7+4 and 5+3: the names' bytes and the values'.
          SizeBytes: 11 + 11 + 8,
          StreamViewType: "NEW_AND_OLD_IMAGES",
        },
        eventSourceARN: orders.stream?.arn,
      },
    ]);
  });

  test("puts, updates and deletes leave their images, in order", async () => {
    await put({ orderId: "life", note: "a" });
    await set("life", "b");
    await put({ orderId: "life", note: "c" });
    await remove("life");
    const records = drain(from);
    expect(records.map(images)).toEqual([
      ["INSERT", undefined, { orderId: { S: "life" }, note: { S: "a" } }],
      ["MODIFY", { orderId: { S: "life" }, note: { S: "a" } }, { orderId: { S: "life" }, note: { S: "b" } }],
      ["MODIFY", { orderId: { S: "life" }, note: { S: "b" } }, { orderId: { S: "life" }, note: { S: "c" } }],
      ["REMOVE", { orderId: { S: "life" }, note: { S: "c" } }, undefined],
    ]);
    const numbers = records.map(({ dynamodb }) => dynamodb.SequenceNumber);
    expect(numbers).toEqual([...numbers].sort());
    expect(new Set(numbers).size).toBe(4);
  });

  test("nothing is recorded when nothing changed or the condition refused", async () => {
    const item = { orderId: "same", tags: new Set(["a", "b"]), n: 1, list: [{ deep: [1, null, true] }] };
    await put(item);
    drain(from);
    await put({ ...item, tags: new Set(["b", "a"]) });
    await stack.documents.send(
      new UpdateCommand({
        TableName: "Orders",
        Key: { orderId: "same" },
        UpdateExpression: "SET n = :one REMOVE nothing",
        ExpressionAttributeValues: { ":one": 1 },
        ReturnValues: "UPDATED_NEW",
      }),
    );
    await remove("never-there");
    await stack.documents
      .send(
        new DeleteCommand({ TableName: "Orders", Key: { orderId: "same" }, ConditionExpression: "n = tags" }),
      )
      .catch(() => undefined);
    expect(drain(from)).toEqual([]);
  });

  test("an update of a missing item is an INSERT, even with only its key", async () => {
    await stack.documents.send(new UpdateCommand({ TableName: "Orders", Key: { orderId: "bare" } }));
    expect(drain(from).map(images)).toEqual([["INSERT", undefined, { orderId: { S: "bare" } }]]);
  });

  test("a batch leaves one record per item that it changed", async () => {
    await put({ orderId: "batch-old", note: "a" });
    await put({ orderId: "batch-same", note: "a" });
    drain(from);
    await stack.documents.send(
      new BatchWriteCommand({
        RequestItems: {
          Orders: [
            { PutRequest: { Item: { orderId: "batch-new", price: 1.5 } } },
            { PutRequest: { Item: { orderId: "batch-same", note: "a" } } },
            { DeleteRequest: { Key: { orderId: "batch-old" } } },
            { DeleteRequest: { Key: { orderId: "batch-missing" } } },
          ],
        },
      }),
    );
    expect(drain(from).map(images)).toEqual([
      ["INSERT", undefined, { orderId: { S: "batch-new" }, price: { N: "1.5" } }],
      ["REMOVE", { orderId: { S: "batch-old" }, note: { S: "a" } }, undefined],
    ]);
  });

  test("numbers in an image are spelled as a read spells them", async () => {
    const spellings = ["1.50", "1e3", "-0", "0012", "25E-2", "-7.000"];
    await stack.documents.send(
      new PutItemCommand({
        TableName: "Orders",
        Item: {
          orderId: { S: "spelling" },
          list: { L: spellings.map((N) => ({ N })) },
          N: { NS: ["3.0", "1e1"] },
        },
      }),
    );
    const [record] = drain(from);
    expect(record?.dynamodb.NewImage?.list).toEqual({
      L: ["1.5", "1000", "0", "12", "0.25", "-7"].map((N) => ({ N })),
    });
    const { Item } = await stack.documents.send(
      new GetItemCommand({ TableName: "Orders", Key: { orderId: { S: "spelling" } } }),
    );
    expect(Item?.list).toEqual(record?.dynamodb.NewImage?.list);
    expect(new Set(Item?.N?.NS)).toEqual(new Set(["3", "10"]));
  });

  test("property: replaying the images rebuilds the table after any concurrent writes", async () => {
    const ids = ["replay-1", "replay-2", "replay-3", "replay-4", "replay-5"];
    const step = fc.record({
      id: fc.constantFrom(...ids),
      kind: fc.constantFrom("put", "set", "delete", "batch", "refused"),
      note: fc.string({ maxLength: 5 }),
    });
    const replica = new Map<string, unknown>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await Promise.all(
          steps.map(({ id, kind, note }): Promise<unknown> => {
            if (kind === "put") return put({ orderId: id, note, customer: "c", placedAt: note.length });
            if (kind === "set") return set(id, note);
            if (kind === "delete") return remove(id);
            if (kind === "refused") {
              const Item = { orderId: id, note };
              return stack.documents
                .send(new PutCommand({ TableName: "Orders", Item, ConditionExpression: "note = customer" }))
                .catch(() => undefined);
            }
            const others = ids.filter((other) => other !== id);
            return stack.documents.send(
              new BatchWriteCommand({
                RequestItems: {
                  Orders: [
                    { PutRequest: { Item: { orderId: id, note } } },
                    ...others.map((orderId) => ({ DeleteRequest: { Key: { orderId } } })),
                  ],
                },
              }),
            );
          }),
        );
        for (const record of drain(from)) replay(replica, record);
        const { Items } = await stack.documents.send(
          new ScanCommand({
            TableName: "Orders",
            ConsistentRead: true,
            FilterExpression: "begins_with(orderId, :replay)",
            ExpressionAttributeValues: { ":replay": { S: "replay-" } },
          }),
        );
        const table = new Map((Items ?? []).map((item) => [item.orderId?.S ?? "", item]));
        expect(replica).toEqual(table);
      }),
      { numRuns: 30 },
    );
  });

  test("a reader that opens late starts at the oldest kept record, or after the newest", async () => {
    await put({ orderId: "late", note: "1" });
    const fresh = stack.stream().open("LATEST", () => undefined);
    const kept = stack.stream().open("TRIM_HORIZON", () => undefined);
    expect(fresh.take()).toEqual([]);
    // The other reader has not finished it yet.
    expect(kept.take().map(({ record }) => record.dynamodb.Keys)).toEqual([{ orderId: { S: "late" } }]);
    drain(from);
    expect(kept.backlog).toBe(1);
    fresh.close();
    kept.close();
  });

  test("an answered write is in the stream already", async () => {
    const woken: number[] = [];
    const own = stack.stream().open("LATEST", () => woken.push(own.backlog));
    await put({ orderId: "woken", note: "1" });
    expect(woken).toEqual([1]);
    const { Item } = await stack.documents.send(
      new GetCommand({ TableName: "Orders", Key: { orderId: "woken" } }),
    );
    expect(Item).toEqual({ orderId: "woken", note: "1" });
    own.close();
    drain(from);
  });
});

describe("a stream's memory", () => {
  const start = () => {
    const clock = new StackClock();
    const stream = createStream(
      orders,
      { arn: "arn:stream", viewType: "KEYS_ONLY" },
      { region: "eu-west-1", clock },
    );
    const append = (id: number) =>
      stream.append({ before: undefined, after: { orderId: { S: String(id) }, n: { N: "1" } } });
    return { clock, stream, append };
  };

  const kept = (stream: ReturnType<typeof start>["stream"]): number => {
    const probe = stream.open("TRIM_HORIZON", () => undefined);
    const { backlog } = probe;
    probe.close();
    return backlog;
  };

  test("is freed of what all readers have finished, and only of that", () => {
    const { stream, append } = start();
    const [quick, slow] = [stream.open("LATEST", () => undefined), stream.open("LATEST", () => undefined)];
    for (let id = 0; id < 500; id++) append(id);
    drain(quick);
    expect(kept(stream)).toBe(500);
    const [first, ...rest] = slow.take();
    for (const entry of rest) slow.finish(entry);
    expect(kept(stream)).toBe(500);
    if (first) slow.finish(first);
    expect(kept(stream)).toBe(0);
    expect([quick.backlog, slow.backlog]).toEqual([0, 0]);
  });

  test("without a reader keeps 24 hours", () => {
    const { clock, stream, append } = start();
    append(1);
    clock.advance(23 * 3600_000);
    append(2);
    expect(kept(stream)).toBe(2);
    clock.advance(2 * 3600_000);
    expect(kept(stream)).toBe(1);
  });

  test("keeps one item in one shard, and spreads items over all", () => {
    const { stream, append } = start();
    const from = stream.open("LATEST", () => undefined);
    for (let round = 0; round < 3; round++) for (let id = 0; id < 100; id++) append(id);
    const shardsOf = new Map<string, Set<string>>();
    for (const { shardId, record } of from.take()) {
      const id = record.dynamodb.Keys.orderId?.S ?? "";
      shardsOf.set(id, (shardsOf.get(id) ?? new Set()).add(shardId));
    }
    expect([...shardsOf.values()].every((shards) => shards.size === 1)).toBe(true);
    expect(new Set([...shardsOf.values()].flatMap((shards) => [...shards])).size).toBe(
      stream.shardIds.length,
    );
  });

  test.each([
    ["NEW_AND_OLD_IMAGES", ["NewImage", "OldImage"]],
    ["NEW_IMAGE", ["NewImage"]],
    ["OLD_IMAGE", ["OldImage"]],
    ["KEYS_ONLY", []],
  ] as const)("a record of view type %s shows what it should", (viewType, shown) => {
    const stream = createStream(
      orders,
      { arn: "arn:stream", viewType },
      { region: "r", clock: new StackClock() },
    );
    const from = stream.open("LATEST", () => undefined);
    stream.append({
      before: { orderId: { S: "1" }, n: { N: "1" } },
      after: { orderId: { S: "1" }, n: { N: "2" } },
    });
    const [record] = drain(from);
    expect(Object.keys(record?.dynamodb ?? {}).filter((name) => name.endsWith("Image"))).toEqual(shown);
    expect(record?.dynamodb.Keys).toEqual({ orderId: { S: "1" } });
  });
});

const images = ({ eventName, dynamodb }: StreamRecord) =>
  [eventName, dynamodb.OldImage, dynamodb.NewImage] as const;

const replay = (replica: Map<string, unknown>, record: StreamRecord): void => {
  const [, before, after] = images(record);
  const id = record.dynamodb.Keys.orderId?.S ?? "";
  expect(replica.get(id)).toEqual(before);
  if (after) replica.set(id, after);
  else replica.delete(id);
};
