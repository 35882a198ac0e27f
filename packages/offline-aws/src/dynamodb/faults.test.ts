import { DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drain, engines, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("faults on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());

  const put = (orderId: string, more = {}) =>
    stack.documents.send(new PutCommand({ TableName: "Orders", Item: { orderId, ...more } }));
  const get = async (orderId: string) =>
    (await stack.documents.send(new GetCommand({ TableName: "Orders", Key: { orderId } }))).Item;

  test("a throttle refuses as often as it is told, with nothing done", async () => {
    stack.dynamoDb.faults.inject({
      match: { operation: "PutItem", table: "Orders" },
      kind: "throttle",
      times: 2,
    });
    for (const id of ["throttled-1", "throttled-2"]) {
      await expect(put(id)).rejects.toMatchObject({
        name: "ProvisionedThroughputExceededException",
        $metadata: { httpStatusCode: 400 },
      });
    }
    expect(stack.last()).toMatchObject({
      errorType: "ProvisionedThroughputExceededException",
      consumedWriteUnits: 0,
    });
    await put("throttled-3");
    expect(await get("throttled-1")).toBeUndefined();
  });

  test("a throttled control operation is a ThrottlingException", async () => {
    stack.dynamoDb.faults.inject({ match: {}, kind: "throttle", times: 1 });
    await expect(
      stack.documents.send(new DescribeTableCommand({ TableName: "Orders" })),
    ).rejects.toMatchObject({ name: "ThrottlingException" });
  });

  test("a fault lasts until it is taken away, and strikes only what it matches", async () => {
    const undo = stack.dynamoDb.faults.inject({ match: { accessKeyId: "OPERATOR" }, kind: "internal-error" });
    const other = stack.connect("OTHER");
    try {
      for (let attempt = 0; attempt < 3; attempt++) {
        await expect(get("any")).rejects.toMatchObject({
          name: "InternalServerError",
          $metadata: { httpStatusCode: 500 },
        });
      }
      await other.send(new GetCommand({ TableName: "Orders", Key: { orderId: "any" } }));
      undo();
      await get("any");
    } finally {
      other.destroy();
    }
  });

  test("a lost answer: the write is done and in the stream, but its client only sees a cut connection", async () => {
    const from = stack.stream().open("LATEST", () => undefined);
    stack.dynamoDb.faults.inject({ match: { operation: "PutItem" }, kind: "lost-answer", times: 1 });
    await expect(put("lost")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(stack.last()).toMatchObject({ errorType: "LostAnswer", consumedWriteUnits: 1 });
    expect(await get("lost")).toEqual({ orderId: "lost" });
    expect(drain(from)).toHaveLength(1);
    from.close();
  });

  test("unreachable: the connection is cut before anything is done", async () => {
    stack.dynamoDb.faults.inject({ match: { operation: "PutItem" }, kind: "unreachable", times: 1 });
    await expect(put("unreached")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(stack.last()).toMatchObject({ errorType: "Unreachable", consumedWriteUnits: 0 });
    expect(await get("unreached")).toBeUndefined();
  });

  test("latency holds a request back by the stack's clock", async () => {
    stack.dynamoDb.faults.inject({
      match: { operation: "PutItem" },
      kind: "latency",
      ms: 3600_000,
      times: 1,
    });
    let settled = false;
    const held = put("slow").then(() => {
      settled = true;
    });
    // A request that came later on is answered first.
    await put("quick");
    expect(settled).toBe(false);
    expect(await get("slow")).toBeUndefined();
    stack.clock.advance(3600_000);
    await held;
    expect(await get("slow")).toEqual({ orderId: "slow" });
  });

  describe("index lag", () => {
    const query = async () =>
      (
        await stack.documents.send(
          new QueryCommand({
            TableName: "Orders",
            IndexName: "byCustomer",
            KeyConditionExpression: "customer = :c",
            ExpressionAttributeValues: { ":c": "lag" },
          }),
        )
      ).Items?.map((item) => item.orderId);

    test("an index shows changes only after the delay; the table shows them at once", async () => {
      await put("lag-1", { customer: "lag", placedAt: 1 });
      const end = await stack.dynamoDb.faults.delayIndexes(60_000);
      expect(await query()).toEqual(["lag-1"]);
      await put("lag-2", { customer: "lag", placedAt: 2 });
      await stack.documents.send(
        new UpdateCommand({
          TableName: "Orders",
          Key: { orderId: "lag-1" },
          UpdateExpression: "SET customer = :other",
          ExpressionAttributeValues: { ":other": "someone else" },
        }),
      );
      expect(await get("lag-2")).toBeDefined();
      expect(await query()).toEqual(["lag-1"]);
      stack.clock.advance(60_000);
      expect(await query()).toEqual(["lag-2"]);
      await put("lag-3", { customer: "lag", placedAt: 3 });
      expect(await query()).toEqual(["lag-2"]);
      await end();
      expect(await query()).toEqual(["lag-2", "lag-3"]);
    });

    test("ending the lag while queries run fails none of them", async () => {
      for (let round = 0; round < 5; round++) {
        const end = await stack.dynamoDb.faults.delayIndexes(60_000);
        const queries = Array.from({ length: 20 }, query);
        await query();
        await Promise.all([end(), ...queries]);
      }
      expect(await query()).toEqual(["lag-2", "lag-3"]);
    });
  });
});
