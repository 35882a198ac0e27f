import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  DeleteCommand,
  PutCommand,
  ScanCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drain, engines, rowsOf, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("writes on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());
  const { put, get, raise } = rowsOf(() => stack);

  test("a refused condition brings the item that refused it, only when asked for", async () => {
    await put({ orderId: "refused", amount: 3, tags: new Set(["a", "b"]) });
    const once = {
      TableName: "Orders",
      Item: { orderId: "refused" },
      ConditionExpression: "attribute_not_exists(orderId)",
    };
    const bare = await stack.documents.send(new PutCommand(once)).catch((error) => error);
    expect(bare).toBeInstanceOf(ConditionalCheckFailedException);
    expect(bare.Item).toBeUndefined();
    const asked = { ...once, ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const };
    const full = await stack.documents.send(new PutCommand(asked)).catch((error) => error);
    expect(full).toBeInstanceOf(ConditionalCheckFailedException);
    expect(full.Item).toEqual({
      orderId: { S: "refused" },
      amount: { N: "3" },
      tags: { SS: expect.arrayContaining(["a", "b"]) },
    });
  });

  test("a refused update and a refused delete bring the item too, on a table with or without a stream", async () => {
    await put({ orderId: "guarded", amount: 1 });
    await stack.documents.send(
      new PutCommand({ TableName: "Counters", Item: { name: "guarded", shard: 1, n: 1 } }),
    );
    const refusal = {
      ConditionExpression: "attribute_exists(nothing)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    };
    const failures = await Promise.allSettled([
      raise("guarded", refusal),
      stack.documents.send(
        new DeleteCommand({ TableName: "Orders", Key: { orderId: "guarded" }, ...refusal }),
      ),
      stack.documents.send(
        new UpdateCommand({
          TableName: "Counters",
          Key: { name: "guarded", shard: 1 },
          UpdateExpression: "REMOVE n",
          ...refusal,
        }),
      ),
    ]);
    expect(failures.map((failure) => failure.status === "rejected" && failure.reason.Item)).toEqual([
      { orderId: { S: "guarded" }, amount: { N: "1" } },
      { orderId: { S: "guarded" }, amount: { N: "1" } },
      { name: { S: "guarded" }, shard: { N: "1" }, n: { N: "1" } },
    ]);
  });

  test("a condition refused by a missing item brings no item", async () => {
    const error = await raise("nowhere", {
      ConditionExpression: "attribute_exists(orderId)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }).catch((failure) => failure);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error.Item).toBeUndefined();
  });

  test.each([
    ["NONE", undefined],
    ["ALL_OLD", { orderId: "values-ALL_OLD", amount: 1, note: "x" }],
    ["ALL_NEW", { orderId: "values-ALL_NEW", amount: 2, note: "x" }],
    ["UPDATED_OLD", { amount: 1 }],
    ["UPDATED_NEW", { amount: 2 }],
  ] as const)("an update answers ReturnValues %s", async (ReturnValues, expected) => {
    await put({ orderId: `values-${ReturnValues}`, amount: 1, note: "x" });
    expect((await raise(`values-${ReturnValues}`, { ReturnValues })).Attributes).toEqual(expected);
  });

  test("a put and a delete answer the old item only when asked for", async () => {
    await put({ orderId: "old", amount: 1 });
    const next = { TableName: "Orders", Item: { orderId: "old", amount: 2 } };
    expect(
      (await stack.documents.send(new PutCommand({ ...next, ReturnValues: "ALL_OLD" }))).Attributes,
    ).toEqual({
      orderId: "old",
      amount: 1,
    });
    expect((await stack.documents.send(new PutCommand(next))).Attributes).toBeUndefined();
    const gone = { TableName: "Orders", Key: { orderId: "old" } };
    expect(
      (await stack.documents.send(new DeleteCommand({ ...gone, ReturnValues: "ALL_OLD" }))).Attributes,
    ).toEqual({ orderId: "old", amount: 2 });
    expect(
      (await stack.documents.send(new DeleteCommand({ ...gone, ReturnValues: "ALL_OLD" }))).Attributes,
    ).toBeUndefined();
  });

  test("an option with a wrong value is refused, and nothing is written", async () => {
    await expect(
      stack.documents.send(
        new PutCommand({
          TableName: "Orders",
          Item: { orderId: "wrong-option" },
          ReturnValues: "ALL_NEW",
        }),
      ),
    ).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("returnValues"),
    });
    expect(await get("wrong-option")).toBeUndefined();
  });

  test("an empty or ill-typed key of an index is refused by put, batch and update, and nothing stays written", async () => {
    const refused = { name: "ValidationException" };
    const said = {
      ...refused,
      message: expect.stringContaining("empty string value. IndexName: byCustomer"),
    };
    await expect(put({ orderId: "empty-put", customer: "", placedAt: 1 })).rejects.toMatchObject(said);
    await expect(put({ orderId: "empty-put", customer: 7 })).rejects.toMatchObject(refused);
    await expect(
      stack.documents.send(
        new BatchWriteCommand({
          RequestItems: {
            Orders: [
              { PutRequest: { Item: { orderId: "empty-batch-fine" } } },
              { PutRequest: { Item: { orderId: "empty-batch", customer: "" } } },
            ],
          },
        }),
      ),
    ).rejects.toMatchObject(refused);
    await put({ orderId: "empty-update", customer: "ann", placedAt: 1 });
    const from = stack.stream().open("LATEST", () => undefined);
    for (const orderId of ["empty-update", "empty-new"]) {
      await expect(
        raise(orderId, {
          UpdateExpression: "SET customer = :none",
          ExpressionAttributeValues: { ":none": "" },
        }),
      ).rejects.toMatchObject(refused);
    }
    expect(drain(from)).toEqual([]);
    from.close();
    expect(await get("empty-put")).toBeUndefined();
    expect(await get("empty-batch")).toBeUndefined();
    expect(await get("empty-batch-fine")).toBeUndefined();
    expect(await get("empty-new")).toBeUndefined();
    expect(await get("empty-update")).toEqual({ orderId: "empty-update", customer: "ann", placedAt: 1 });
  });

  test("a batch with a bad write is refused whole", async () => {
    await expect(
      stack.documents.send(
        new BatchWriteItemCommand({
          RequestItems: {
            Orders: [
              { PutRequest: { Item: { orderId: { S: "batch-fine" } } } },
              { PutRequest: { Item: { amount: { N: "1" } } } },
            ],
          },
        }),
      ),
    ).rejects.toMatchObject({ name: "ValidationException" });
    expect(await get("batch-fine")).toBeUndefined();
  });

  test("malformed requests are the engine's to refuse", async () => {
    await expect(
      stack.documents.send(new PutItemCommand({ TableName: "Orders", Item: { orderId: { N: "1" } } })),
    ).rejects.toMatchObject({ name: "ValidationException" });
    await expect(raise("bad", { UpdateExpression: "PLEASE" })).rejects.toMatchObject({
      name: "ValidationException",
    });
  });

  test("a hundred simultaneous additions to one item all count", async () => {
    await Promise.all(Array.from({ length: 100 }, () => raise("contended", {})));
    expect(await get("contended")).toEqual({ orderId: "contended", amount: 100 });
  });

  test("property: the item that comes with a refusal is the very item that the condition refused", async () => {
    const step = fc.record({
      refusedBy: fc.constantFrom("nothing", "amount < :k", "amount >= :k"),
      k: fc.integer({ min: 1, max: 8 }),
    });
    const table = fc.constantFrom(
      { TableName: "Orders", keyOf: (id: string) => ({ orderId: id }) },
      { TableName: "Counters", keyOf: (id: string) => ({ name: id, shard: 1 }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.uuid(), table, fc.array(step, { maxLength: 16 }), async (id, on, steps) => {
        const target = { TableName: on.TableName, Key: on.keyOf(id) };
        await stack.documents.send(
          new PutCommand({ TableName: on.TableName, Item: { ...target.Key, amount: 0 } }),
        );
        const raiseWhen = (ConditionExpression: string, k: number) =>
          new UpdateCommand({
            ...target,
            UpdateExpression: "ADD amount :one",
            ConditionExpression,
            ExpressionAttributeValues: { ":one": 1, ":k": k },
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          });
        await Promise.all(
          steps.map(async ({ refusedBy, k }) => {
            const condition = refusedBy === "nothing" ? "amount < :k OR amount >= :k" : `NOT ${refusedBy}`;
            const error = await stack.documents.send(raiseWhen(condition, k)).then(
              () => undefined,
              (failure) => failure,
            );
            if (error === undefined) return;
            expect(error).toBeInstanceOf(ConditionalCheckFailedException);
            const amount = Number(error.Item.amount.N);
            expect(refusedBy === "amount < :k" ? amount < k : amount >= k).toBe(true);
          }),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("a scan of the whole table passes through", async () => {
    await put({ orderId: "scanned" });
    const { Items } = await stack.documents.send(new ScanCommand({ TableName: "Orders" }));
    expect(Items).toContainEqual({ orderId: "scanned" });
  });
});
