import { afterEach, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";
import { UserError } from "../user-error.js";
import { type DynamoDbOptions, startDynamoDb } from "./dynamodb.js";

const start = (options: Partial<DynamoDbOptions>) =>
  startDynamoDb({
    engine: "dynalite",
    port: 0,
    region: "eu-west-1",
    accountId: "000000000000",
    clock: new StackClock(),
    authorize: () => ({ allowed: true }),
    tables: [],
    ...options,
  });

afterEach(() => vi.unstubAllEnvs());

test("a missing Java is one sentence that names the cure", async () => {
  vi.stubEnv("PATH", "/nowhere");
  await expect(start({ engine: "dynamodb-local" })).rejects.toThrow(
    /needs Java 17 or later: install a Java runtime/,
  );
});

test("a busy port is one sentence that names it", async () => {
  const first = await start({});
  const port = Number(new URL(first.endpoint).port);
  await expect(start({ port })).rejects.toThrow(`Port ${port} is in use`);
  await first.close();
});

test("a table that DynamoDB refuses is named, in DynamoDB's words", async () => {
  const table = {
    name: "Orders",
    arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/Orders",
    hashKey: "id",
    attributes: [
      { name: "id", type: "S" },
      { name: "g", type: "S" },
    ],
    globalIndexes: [{ name: "gi", hashKey: "g", projectionType: "ALL" }],
    stream: undefined,
    ttlAttribute: undefined,
  } as const;
  const starting = start({ tables: [table] });
  await expect(starting).rejects.toThrow(UserError);
  await expect(starting).rejects.toThrow(/^DynamoDB refuses table Orders: .*'gi'/);
});
