import { readFileSync } from "node:fs";
import path from "node:path";
import { type Graph, ofType } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { functionNames } from "./functions";
import { changed, full, graphOf, named, namesOf, types } from "./testing/graph";

interface Query {
  readonly id: string;
  readonly expression?: string;
  readonly returnData?: boolean;
  readonly metric?: {
    readonly namespace: string;
    readonly metricName: string;
    readonly dimensions: Readonly<Record<string, string>>;
    readonly period: number;
    readonly stat: string;
  };
}

const topic = "arn:aws:sns:us-east-1:000000000000:session-management-alarms-prod";

const functions = functionNames.map((name) => `${name}-prod`).sort();

let graph: Graph;
beforeAll(async () => {
  graph = await graphOf("prod");
});

const alarms = () => ofType(graph, types.alarm).map(({ inputs }) => inputs);

/** An alarm by its name in the runbook. */
const alarm = (name: string) => named(graph, types.alarm, `lectern-${name}-prod`).inputs;

/** The metrics of an alarm, from either of its two forms. */
const metricsOf = (inputs: Graph["resources"][number]["inputs"]): NonNullable<Query["metric"]>[] =>
  inputs.metricQueries
    ? (inputs.metricQueries as unknown as Query[]).flatMap(({ metric }) => metric ?? [])
    : [{ ...inputs, stat: inputs.statistic } as unknown as NonNullable<Query["metric"]>];

describe("alarms", () => {
  test("notify the topic when they start and when they end", () => {
    expect(alarms().length).toBeGreaterThan(0);
    for (const { name, alarmActions, okActions, actionsEnabled = true } of alarms()) {
      expect({ name, alarmActions, okActions, actionsEnabled }).toEqual({
        name,
        alarmActions: [topic],
        okActions: [topic],
        actionsEnabled: true,
      });
    }
  });

  test("are not there in live mode, whose metrics stay on the laptop; their topic is", async () => {
    const live = await graphOf("alice", {}, { dev: true });
    expect(ofType(live, types.alarm)).toEqual([]);
    expect(namesOf(live, types.topic)).toEqual(["session-management-alarms-alice"]);
    expect(live.outputs.AlarmTopicArn).toBeDefined();
  });

  test("do not count missing values as a breach, except the alarm for a silent reaper", () => {
    for (const { name, treatMissingData } of alarms()) {
      expect([name, treatMissingData]).toEqual([
        name,
        name === "lectern-reaper-silent-prod" ? "breaching" : "notBreaching",
      ]);
    }
  });

  test("say what is wrong, and name the section of the runbook", () => {
    for (const { name, alarmDescription } of alarms()) {
      const [, anchor] = String(name).match(/^lectern-(.+)-prod$/) ?? [];
      expect(alarmDescription).toMatch(new RegExp(`^[A-Z].+\\. What to do: docs/runbook\\.md#${anchor}$`));
    }
  });

  test("have one section each in the runbook, which has no others", () => {
    const runbook = readFileSync(path.resolve(import.meta.dirname, "../docs/runbook.md"), "utf8");
    const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => `lectern-${title}-prod`);
    expect(sections.sort()).toEqual(namesOf(graph, types.alarm));
  });

  test("add up at most ten metrics, all over one period, and watch one value", () => {
    for (const inputs of alarms()) {
      const metrics = metricsOf(inputs);
      expect(metrics.length).toBeLessThanOrEqual(10);
      expect(new Set(metrics.map(({ period }) => period)).size).toBe(1);
      const queries = (inputs.metricQueries ?? []) as unknown as Query[];
      if (queries.length > 0) expect(queries.filter(({ returnData }) => returnData)).toHaveLength(1);
    }
  });

  test("need every one of their periods to breach, on metrics of a minute or more", () => {
    for (const inputs of alarms()) {
      expect(inputs.datapointsToAlarm).toBe(inputs.evaluationPeriods);
      for (const { period } of metricsOf(inputs)) expect(period % 60).toBe(0);
    }
  });

  test("have few dimensions, and never a session or a connection", () => {
    const dimensions = alarms().flatMap((inputs) =>
      metricsOf(inputs).map((metric) => Object.keys(metric.dimensions).sort().join()),
    );
    expect([...new Set(dimensions)].sort()).toEqual([
      "FunctionName",
      "GlobalSecondaryIndexName,TableName",
      "QueueName",
      "TableName",
      "code,service,stage",
      "service,stage",
    ]);
  });
});

describe("thresholds", () => {
  const own = (metricName: string) => ({
    namespace: "Lectern",
    metricName,
    dimensions: { service: "lectern", stage: "prod" },
  });

  test("session creation: p95 over 2,000 ms in two periods", () => {
    expect(alarm("session-creation-latency")).toMatchObject({
      ...own("SessionCreationLatency"),
      extendedStatistic: "p95",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 2_000,
      evaluationPeriods: 2,
    });
  });

  test("connection errors: more than 100 in 5 minutes, over all codes", () => {
    expect(alarm("connection-errors")).toMatchObject({
      ...own("ConnectionErrors"),
      statistic: "Sum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 100,
      period: 300,
      evaluationPeriods: 1,
    });
  });

  test("active sessions: more than 90 % of maxActiveSessions", async () => {
    expect(alarm("active-sessions")).toMatchObject({
      ...own("ActiveSessions"),
      statistic: "Maximum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 90,
    });
    const larger = await graphOf("prod", changed);
    expect(named(larger, types.alarm, "lectern-active-sessions-prod").inputs.threshold).toBe(360);
  });

  test("errors: more than 10 in 5 minutes, with one alarm for each function", () => {
    const ofErrors = alarms().filter(({ name }) => String(name).startsWith("lectern-errors-"));
    const watched = ofErrors.map((inputs) => {
      expect(inputs).toMatchObject({
        comparisonOperator: "GreaterThanThreshold",
        threshold: 10,
        evaluationPeriods: 1,
      });
      const errors = metricsOf(inputs).find(({ metricName }) => metricName === "Errors");
      expect(errors).toMatchObject({ namespace: "AWS/Lambda", period: 300, stat: "Sum" });
      return errors?.dimensions.FunctionName;
    });
    expect(watched.sort()).toEqual(functions);
    expect(namesOf(graph, types.lambda)).toEqual(functions);
  });

  test("the authorizer: refused tokens do not count as errors", () => {
    const queries = alarm("errors-authorizer").metricQueries as unknown as Query[];
    expect(queries.map(({ id, metric }) => [id, metric?.metricName])).toEqual([
      ["faults", undefined],
      ["errors", "Errors"],
      ["refused", "TokensRefused"],
    ]);
    expect(queries[0]?.expression).toBe("FILL(errors, 0) - FILL(refused, 0)");
  });

  test("the streams: more than a minute behind, or anything given up", () => {
    for (const name of ["welcome", "announce"]) {
      expect(alarm(`stream-age-${name}`)).toMatchObject({
        namespace: "AWS/Lambda",
        metricName: "IteratorAge",
        dimensions: { FunctionName: `session-${name}-prod` },
        threshold: 60_000,
      });
    }
    expect(alarm("stream-failures")).toMatchObject({
      namespace: "AWS/SQS",
      dimensions: { QueueName: "lectern-stream-failures-prod" },
      threshold: 0,
    });
  });

  test("the reaper: less than one run in 5 minutes, or more than 10 corrections in 15", () => {
    const silent = alarm("reaper-silent");
    expect(silent).toMatchObject({ comparisonOperator: "LessThanThreshold", threshold: 1 });
    expect(metricsOf(silent)).toMatchObject([{ ...own("ReaperRuns"), period: 300, stat: "Sum" }]);
    expect(alarm("count-drift")).toMatchObject({ ...own("CountDrift"), threshold: 10, period: 900 });
  });

  test("throttles: any, of every function, table and index", () => {
    const lambda = metricsOf(alarm("throttles-lambda"));
    expect(lambda.map(({ dimensions }) => dimensions.FunctionName).sort()).toEqual(functions);
    const dynamodb = metricsOf(alarm("throttles-dynamodb")).map(
      ({ metricName, dimensions: { TableName, GlobalSecondaryIndexName } }) =>
        `${[TableName, GlobalSecondaryIndexName].filter(Boolean).join("/")} ${metricName}`,
    );
    const throttled = ofType(graph, types.table).flatMap(({ inputs }) => [
      `${inputs.name}`,
      ...(inputs.globalSecondaryIndexes as { name: string }[]).map(({ name }) => `${inputs.name}/${name}`),
    ]);
    expect(dynamodb.sort()).toEqual(
      throttled.flatMap((name) => [`${name} ReadThrottleEvents`, `${name} WriteThrottleEvents`]).sort(),
    );
    for (const name of ["throttles-lambda", "throttles-dynamodb"]) expect(alarm(name).threshold).toBe(0);
  });
});

describe("the budget", () => {
  test.each([
    ["neither an address nor a budget", {}],
    ["an address alone", changed],
  ])("is missing with %s", async (_, settings) => {
    expect(ofType(await graphOf("prod", settings), types.budget)).toEqual([]);
  });

  test("notifies the address at 80 %, and when the forecast exceeds 100 %", async () => {
    const [budget] = ofType(await graphOf("staging", full), types.budget);
    expect(budget?.inputs).toMatchObject({
      name: "lectern-staging",
      timeUnit: "MONTHLY",
      limitAmount: "55",
      limitUnit: "USD",
      notifications: [
        { notificationType: "ACTUAL", threshold: 80, subscriberEmailAddresses: ["ops@example.com"] },
        { notificationType: "FORECASTED", threshold: 100, subscriberEmailAddresses: ["ops@example.com"] },
      ],
    });
  });
});
