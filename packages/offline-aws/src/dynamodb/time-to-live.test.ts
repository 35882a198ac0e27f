import { DescribeTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drain, engines, rowsOf, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("time to live on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());
  const { put, get } = rowsOf(() => stack);

  test("is described", async () => {
    const described = await stack.documents.send(new DescribeTimeToLiveCommand({ TableName: "Orders" }));
    expect(described.TimeToLiveDescription).toEqual({
      TimeToLiveStatus: "ENABLED",
      AttributeName: "expiresAt",
    });
  });

  test("a sweep deletes what has expired, in the name of the TTL service, and nothing else", async () => {
    const now = Math.floor(stack.clock.now() / 1000);
    const lives = {
      past: now - 1,
      future: now + 60,
      ancient: now - 6 * 365 * 86_400,
      text: String(now - 1),
    };
    for (const [life, expiresAt] of Object.entries(lives)) await put({ orderId: `ttl-${life}`, expiresAt });
    const from = stack.stream().open("LATEST", () => undefined);
    expect(await stack.dynamoDb.sweep()).toBe(1);
    expect(drain(from)).toMatchObject([
      {
        eventName: "REMOVE",
        dynamodb: { Keys: { orderId: { S: "ttl-past" } }, OldImage: { orderId: { S: "ttl-past" } } },
        userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" },
      },
    ]);
    stack.clock.advance(61_000);
    expect(await stack.dynamoDb.sweep()).toBe(1);
    expect(drain(from)).toMatchObject([{ dynamodb: { Keys: { orderId: { S: "ttl-future" } } } }]);
    from.close();
    expect(await get("ttl-ancient")).toBeDefined();
    expect(await get("ttl-text")).toBeDefined();
  });

  test("sweeps at the same time delete an item once", async () => {
    await put({ orderId: "ttl-once", expiresAt: Math.floor(stack.clock.now() / 1000) - 5 });
    const deleted = await Promise.all([stack.dynamoDb.sweep(), stack.dynamoDb.sweep()]);
    expect(deleted[0] + deleted[1]).toBe(1);
  });
});
