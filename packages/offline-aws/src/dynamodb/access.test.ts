import { ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines, orders, rowsOf, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("permissions on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());
  const { get } = rowsOf(() => stack);

  const asReader = async <T>(run: (client: ReturnType<TestStack["connect"]>) => Promise<T>): Promise<T> => {
    const client = stack.connect("READER");
    try {
      return await run(client);
    } finally {
      client.destroy();
    }
  };

  test("a role may do what its statements allow on the table", async () => {
    await asReader((client) => client.send(new GetCommand({ TableName: "Orders", Key: { orderId: "any" } })));
  });

  test("anything else is an AccessDeniedException that names the action and the resource", async () => {
    const denied = await asReader((client) =>
      client.send(new PutCommand({ TableName: "Orders", Item: { orderId: "denied" } })),
    ).catch((error) => error);
    expect(denied).toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining(`dynamodb:PutItem on resource: ${orders.arn}`),
      $metadata: { httpStatusCode: 400 },
    });
    expect(await get("denied")).toBeUndefined();
    expect(
      stack.requests.find(({ accessKeyId, errorType }) => accessKeyId === "READER" && errorType),
    ).toMatchObject({
      operation: "PutItem",
      errorType: "AccessDeniedException",
      consumedWriteUnits: 0,
    });
  });

  test("a query of an index needs the index's own ARN", async () => {
    const query = new QueryCommand({
      TableName: "Orders",
      IndexName: "byCustomer",
      KeyConditionExpression: "customer = :c",
      ExpressionAttributeValues: { ":c": "ann" },
    });
    await expect(asReader((client) => client.send(query))).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("table/Orders/index/byCustomer"),
    });
  });

  test("a batch needs every table, a list of tables needs the star", async () => {
    const row = { PutRequest: { Item: { orderId: "b" } } };
    await asReader((client) => client.send(new BatchWriteCommand({ RequestItems: { Orders: [row] } })));
    await expect(
      asReader((client) =>
        client.send(
          new BatchWriteCommand({
            RequestItems: { Orders: [row], Counters: [{ PutRequest: { Item: { name: "b", shard: 1 } } }] },
          }),
        ),
      ),
    ).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("table/Counters"),
    });
    await expect(asReader((client) => client.send(new ListTablesCommand()))).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("resource: *"),
    });
  });
});
