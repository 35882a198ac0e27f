import { afterEach, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";
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
