import { request } from "node:http";
import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ExecuteStatementCommand,
  ListTablesCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drain, engines, orders, startStack, type TestStack } from "./test-stack.js";

describe.each(engines)("DynamoDB on %s", (engine) => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack(engine);
  });
  afterAll(() => stack.close());

  const put = (Item: Record<string, unknown>) =>
    stack.documents.send(new PutCommand({ TableName: "Orders", Item }));
  const get = async (orderId: string) =>
    (
      await stack.documents.send(
        new GetCommand({ TableName: "Orders", Key: { orderId }, ConsistentRead: true }),
      )
    ).Item;
  const raise = (orderId: string, more: object) =>
    stack.documents.send(
      new UpdateCommand({
        TableName: "Orders",
        Key: { orderId },
        UpdateExpression: "ADD amount :one",
        ExpressionAttributeValues: { ":one": 1 },
        ...more,
      }),
    );

  describe("tables", () => {
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
      const second = await stack.documents.send(
        new ListTablesCommand({ ExclusiveStartTableName: "Counters" }),
      );
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
      expect(
        await post(stack, { ...signed, "x-amz-target": "DynamoDB_20120810.GetItem" }, "[1"),
      ).toMatchObject({
        status: 400,
        body: expect.stringContaining("#SerializationException"),
      });
      expect(await post(stack, { "x-amz-target": "DynamoDB_20120810.ListTables" }, "{}")).toMatchObject({
        status: 400,
        body: expect.stringContaining("#MissingAuthenticationTokenException"),
      });
    });
  });

  describe("writes", () => {
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
  });

  describe("permissions", () => {
    const asReader = async <T>(run: (client: ReturnType<TestStack["connect"]>) => Promise<T>): Promise<T> => {
      const client = stack.connect("READER");
      try {
        return await run(client);
      } finally {
        client.destroy();
      }
    };

    test("a role may do what its statements allow on the table", async () => {
      await asReader((client) =>
        client.send(new GetCommand({ TableName: "Orders", Key: { orderId: "any" } })),
      );
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

  describe("counting", () => {
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

  describe("time to live", () => {
    test("is described, switched off and on", async () => {
      const describeTtl = () => stack.documents.send(new DescribeTimeToLiveCommand({ TableName: "Orders" }));
      const set = (Enabled: boolean) =>
        stack.documents.send(
          new UpdateTimeToLiveCommand({
            TableName: "Orders",
            TimeToLiveSpecification: { Enabled, AttributeName: "expiresAt" },
          }),
        );
      expect((await describeTtl()).TimeToLiveDescription).toEqual({
        TimeToLiveStatus: "ENABLED",
        AttributeName: "expiresAt",
      });
      await expect(set(true)).rejects.toMatchObject({ name: "ValidationException" });
      await set(false);
      expect((await describeTtl()).TimeToLiveDescription).toEqual({ TimeToLiveStatus: "DISABLED" });
      await set(true);
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

  test("a scan of the whole table passes through", async () => {
    await put({ orderId: "scanned" });
    const { Items } = await stack.documents.send(new ScanCommand({ TableName: "Orders" }));
    expect(Items).toContainEqual({ orderId: "scanned" });
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
