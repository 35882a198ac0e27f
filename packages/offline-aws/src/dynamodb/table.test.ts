import { request } from "node:http";
import {
  CreateTableCommand,
  DescribeTableCommand,
  ExecuteStatementCommand,
  ListTablesCommand,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines, orders, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("tables on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());

  test("a table is described with the infrastructure's ARNs and stream", async () => {
    const { Table } = await stack.documents.send(new DescribeTableCommand({ TableName: "Orders" }));
    expect(Table).toMatchObject({
      TableName: "Orders",
      TableArn: orders.arn,
      TableStatus: "ACTIVE",
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      LatestStreamArn: orders.stream?.arn,
      LatestStreamLabel: "2026-01-01T00:00:00.000",
    });
    expect(Table?.GlobalSecondaryIndexes?.map((index) => index.IndexArn).sort()).toEqual([
      `${orders.arn}/index/byCustomer`,
      `${orders.arn}/index/byCustomerFull`,
    ]);
  });

  test("tables are listed page by page", async () => {
    const first = await stack.documents.send(new ListTablesCommand({ Limit: 1 }));
    expect(first).toMatchObject({ TableNames: ["Counters"], LastEvaluatedTableName: "Counters" });
    const second = await stack.documents.send(new ListTablesCommand({ ExclusiveStartTableName: "Counters" }));
    expect(second.TableNames).toEqual(["Orders"]);
    expect(second.LastEvaluatedTableName).toBeUndefined();
  });

  test("a table that the stack does not declare is a ResourceNotFoundException", async () => {
    await expect(
      stack.documents.send(new GetCommand({ TableName: "Missing", Key: { id: "1" } })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(
      stack.documents.send(new DescribeTableCommand({ TableName: "Missing" })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("what the local stack does not have is refused in a sentence", async () => {
    await expect(
      stack.documents.send(new TransactWriteItemsCommand({ TransactItems: [] })),
    ).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("no transactions"),
    });
    await expect(
      stack.documents.send(new ExecuteStatementCommand({ Statement: "SELECT * FROM Orders" })),
    ).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("has no ExecuteStatement"),
    });
    await expect(
      stack.documents.send(
        new CreateTableCommand({ TableName: "Mine", KeySchema: [], AttributeDefinitions: [] }),
      ),
    ).rejects.toMatchObject({ message: expect.stringContaining("come from the infrastructure") });
  });

  test("other services' targets, other JSON and unsigned requests are refused in a sentence", async () => {
    const signed = { authorization: "AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-1/sqs/aws4_request" };
    expect(await post(stack, { ...signed, "x-amz-target": "AmazonSQS.SendMessage" }, "{}")).toMatchObject({
      status: 400,
      body: expect.stringContaining('no operation \\"AmazonSQS.SendMessage\\"'),
    });
    expect(
      await post(stack, { ...signed, "x-amz-target": "DynamoDBStreams_20120810.ListStreams" }, "{}"),
    ).toMatchObject({ status: 400, body: expect.stringContaining("no DynamoDB Streams API") });
    expect(await post(stack, { ...signed, "x-amz-target": "DynamoDB_20120810.GetItem" }, "[1")).toMatchObject(
      {
        status: 400,
        body: expect.stringContaining("#SerializationException"),
      },
    );
    expect(await post(stack, { "x-amz-target": "DynamoDB_20120810.ListTables" }, "{}")).toMatchObject({
      status: 400,
      body: expect.stringContaining("#MissingAuthenticationTokenException"),
    });
  });
});

const post = (stack: TestStack, headers: Record<string, string>, body: string) =>
  new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request(stack.dynamoDb.endpoint, { method: "POST", headers }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, body: text });
    });
    sent.on("error", reject);
    sent.end(body);
  });
