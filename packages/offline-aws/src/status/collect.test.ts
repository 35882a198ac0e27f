import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";
import { type CloudWatch, startCloudWatch } from "../cloudwatch/index.js";
import { createStatusState, type StatusSources } from "./collect.js";
import { createRecorder } from "./recorder.js";

const nine = Date.parse("2026-11-28T09:00:00Z");
const topicArn = "arn:aws:sns:us-east-1:000000000000:alarms";

const graph: StatusSources["graph"] = {
  app: { name: "shop", stage: "local", removal: "remove", protect: false, providers: {} },
  outputs: { Url: "wss://x", Ids: ["a"] },
  resources: [
    { type: "sst:aws:Function", name: "Buy", id: "", inputs: {} },
    { type: "aws:lambda/function:Function", name: "BuyFunction", id: "buy", inputs: { name: "buy-local" } },
    { type: "aws:lambda/function:Function", name: "AskFunction", id: "ask", inputs: { name: "ask-local" } },
    { type: "aws:iam/role:Role", name: "BuyRole", id: "role", inputs: {} },
    { type: "aws:sns/topic:Topic", name: "Alarms", id: topicArn, inputs: {} },
    {
      type: "aws:sns/topicSubscription:TopicSubscription",
      name: "Mail",
      id: "mail",
      inputs: { topic: topicArn, protocol: "email", endpoint: "ops@example.com" },
    },
    {
      type: "aws:cloudwatch/metricAlarm:MetricAlarm",
      name: "Slow",
      id: "slow",
      inputs: {
        name: "slow-local",
        alarmDescription: "See https://example.com",
        namespace: "Shop",
        metricName: "Latency",
        dimensions: { service: "shop" },
        extendedStatistic: "p95",
        period: 60,
        evaluationPeriods: 2,
        datapointsToAlarm: 1,
        threshold: 2000,
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        alarmActions: [topicArn],
      },
    },
  ],
};

let clock: StackClock;
let cloudWatch: CloudWatch;

beforeEach(() => {
  vi.useFakeTimers({ now: nine });
  clock = new StackClock();
  cloudWatch = startCloudWatch({ graph, clock });
});

afterEach(() => {
  cloudWatch.close();
  clock.close();
  vi.useRealTimers();
});

const stateWith = (sources: Partial<StatusSources> = {}) => {
  const now = () => clock.now();
  return createStatusState({
    graph,
    region: "us-east-1",
    now,
    endpoints: [{ label: "HTTP", url: "http://127.0.0.1:4000" }],
    connectionCount: () => 3,
    recorder: createRecorder({ now, functionNames: ["buy-local"] }),
    cloudWatch,
    tables: [{ name: "Orders-local", hashKey: "id", attributes: [{ name: "id", type: "S" }] }],
    items: () => [],
    ...sources,
  });
};

test("the state says what the stack is, with its resources by type and physical name", async () => {
  const state = stateWith();
  clock.advance(90_000);
  expect(await state()).toMatchObject({
    app: "shop",
    stage: "local",
    region: "us-east-1",
    startedAt: nine,
    now: nine + 90_000,
    outputs: { Url: "wss://x", Ids: '["a"]' },
    connections: 3,
    resources: [
      { type: "aws:cloudwatch/metricAlarm:MetricAlarm", names: ["slow-local"] },
      { type: "aws:iam/role:Role", names: ["BuyRole"] },
      { type: "aws:lambda/function:Function", names: ["ask-local", "buy-local"] },
      { type: "aws:sns/topic:Topic", names: ["Alarms"] },
      { type: "aws:sns/topicSubscription:TopicSubscription", names: ["Mail"] },
    ],
    functions: [{ name: "buy-local", invocations: 0 }],
    tables: [{ name: "Orders-local", keys: ["id"], indexed: ["id"], rows: [], more: false }],
  });
});

test("a table's rows are its first items with plain values", async () => {
  const item = {
    id: { S: "o-1" },
    line: { N: "1" },
    total: { N: "12.50" },
    paid: { BOOL: true },
    tags: { SS: ["a", "b"] },
    at: { M: { city: { S: "Bern" }, gone: { NULL: true } } },
    note: { S: "n".repeat(2_000) },
  };
  const row = {
    id: "o-1",
    line: "1",
    total: "12.5",
    paid: "true",
    tags: '["a","b"]',
    at: '{"city":"Bern","gone":null}',
    note: "n".repeat(1_000),
  };
  const rowsOf = async (count: number) => {
    const attributes = ["id", "line", "buyer"].map((name) => ({ name, type: "S" as const }));
    const tables = [{ name: "Orders-local", hashKey: "id", rangeKey: "line", attributes }];
    const items = (_: string, limit: number) => Array.from({ length: Math.min(count, limit) }, () => item);
    return (await stateWith({ tables, items })()).tables;
  };
  const table = { name: "Orders-local", keys: ["id", "line"], indexed: ["id", "line", "buyer"] };
  const rows = Array.from({ length: 100 }, () => row);
  expect(await rowsOf(100)).toEqual([{ ...table, rows, more: false }]);
  expect(await rowsOf(101)).toEqual([{ ...table, rows, more: true }]);
});

test("metrics come with half an hour of minutes, in the statistic that suits their unit", async () => {
  const put = (name: string, unit: string, ...values: readonly number[]): void => {
    for (const value of values)
      cloudWatch.metrics.put({
        namespace: "Shop",
        name,
        dimensions: {},
        unit,
        value,
        timestamp: clock.now(),
      });
  };
  put("Hits", "Count", 1, 1);
  put("Latency", "Milliseconds", 10, 20);
  put("Load", "None", 1, 2);
  clock.advance(60_000);
  put("Hits", "Count", 1);
  const { metrics } = await stateWith()();
  expect(metrics.map(({ name, statistic, last }) => [name, statistic, last])).toEqual([
    ["Hits", "Sum", 1],
    ["Latency", "p95", 20],
    ["Load", "Average", 1.5],
  ]);
  expect(metrics[0]?.points).toEqual([...Array.from({ length: 28 }, () => null), 2, 1]);
});

test("an alarm is shown with what it watches and its rule, and its message with who gets it", async () => {
  cloudWatch.metrics.put({
    namespace: "Shop",
    name: "Latency",
    dimensions: { service: "shop" },
    value: 2_500,
    timestamp: clock.now(),
  });
  clock.advance(60_000);
  const { alarms, notifications } = await stateWith()();
  expect(alarms).toEqual([
    {
      name: "slow-local",
      description: "See https://example.com",
      state: "ALARM",
      reason: expect.stringContaining("2500.0"),
      changedAt: nine + 60_000,
      value: 2_500,
      watches: "p95 of Latency (shop)",
      rule: "≥ 2,000; 1 of 2 × 60 s",
    },
  ]);
  expect(notifications).toMatchObject([
    { at: nine + 60_000, topic: "alarms", recipients: ["email ops@example.com"] },
  ]);
});
