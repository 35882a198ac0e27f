import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { orders, startStack, type TestStack } from "./test-stack.js";

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack("dynalite");
});
afterAll(() => stack.close());

const connect = (accessKeyId: string, maxAttempts = 1): DynamoDBClient =>
  new DynamoDBClient({
    endpoint: stack.dynamoDb.endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId, secretAccessKey: "secret" },
    maxAttempts,
    requestHandler: stack.dynamoDb.requestHandler,
  });

const Item = { orderId: { S: "größe" }, placedAt: { N: "1" } };
const get = new GetItemCommand({ TableName: orders.name, Key: { orderId: Item.orderId } });

test("an SDK client asks without a socket, and is observed as over HTTP", async () => {
  const client = connect("OPERATOR");
  await client.send(new PutItemCommand({ TableName: orders.name, Item }));
  const answer = await client.send(get);
  expect(answer.Item).toEqual(Item);
  expect(answer.$metadata).toMatchObject({
    httpStatusCode: 200,
    requestId: expect.stringMatching(/^[\w-]{36}$/),
  });
  expect(stack.last()).toMatchObject({
    operation: "GetItem",
    accessKeyId: "OPERATOR",
    consumedReadUnits: 0.5,
  });
});

test("a role's permissions hold without a socket too", async () => {
  const put = connect("READER").send(new PutItemCommand({ TableName: orders.name, Item }));
  await expect(put).rejects.toMatchObject({ name: "AccessDeniedException" });
});

test("a cut connection fails as the SDK's own handler says it, and a client that may retry does", async () => {
  stack.dynamoDb.faults.inject({ match: {}, kind: "unreachable", times: 2 });
  await expect(connect("OPERATOR").send(get)).rejects.toMatchObject({
    code: "ECONNRESET",
    name: "TimeoutError",
  });
  expect((await connect("OPERATOR", 2).send(get)).Item).toEqual(Item);
});
