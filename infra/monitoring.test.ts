import { readFileSync } from "node:fs";
import path from "node:path";
import { type Graph, ofType } from "offline-aws";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { graphOf, named, namesOf, types } from "./testing";

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

const functions = [
  "session-announce-prod",
  "session-authorizer-prod",
  "session-connection-handler-prod",
  "session-default-handler-prod",
  "session-disconnect-handler-prod",
  "session-drain-prod",
  "session-heartbeat-handler-prod",
  "session-reaper-prod",
  "session-refresh-handler-prod",
  "session-welcome-prod",
];

let graph: Graph;
beforeAll(async () => {
  graph = await graphOf("prod");
});

const alarms = () => ofType(graph, types.alarm).map(({ inputs }) => inputs);

/** An alarm by its name in the runbook. */
const alarm = (name: string) => named(graph, types.alarm, `${name}-prod`).inputs;

/** An alarm's metrics, however it declares them. */
const metricsOf = (inputs: Graph["resources"][number]["inputs"]): NonNullable<Query["metric"]>[] =>
  inputs.metricQueries
    ? (inputs.metricQueries as unknown as Query[]).flatMap(({ metric }) => metric ?? [])
    : [{ ...inputs, stat: inputs.statistic } as unknown as NonNullable<Query["metric"]>];

describe("alarms", () => {
  test("go to the topic, both when they ring and when it is over", () => {
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

  test("take silence for peace; only the reaper's silence is what its alarm is about", () => {
    for (const { name, treatMissingData } of alarms()) {
      expect([name, treatMissingData]).toEqual([
        name,
        name === "reaper-silent-prod" ? "breaching" : "notBreaching",
      ]);
    }
  });

  test("say what is wrong, and where in the runbook to read on", () => {
    for (const { name, alarmDescription } of alarms()) {
      const anchor = String(name).replace(/-prod$/, "");
      expect(alarmDescription).toMatch(new RegExp(`^[A-Z].+\\. What to do: docs/runbook\\.md#${anchor}$`));
    }
  });

  test("have a section each in the runbook, and the runbook has none besides", () => {
    const runbook = readFileSync(path.resolve(import.meta.dirname, "../docs/runbook.md"), "utf8");
    const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => `${title}-prod`);
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

  test("look at few dimensions, and never at a session or a connection", () => {
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

  test("active sessions: more than 90 % of what the stage is meant for", async () => {
    expect(alarm("active-sessions")).toMatchObject({
      ...own("ActiveSessions"),
      statistic: "Maximum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 90,
    });
    const larger = await graphOf("dev", { maxActiveSessions: "400" });
    expect(named(larger, types.alarm, "active-sessions-dev").inputs.threshold).toBe(360);
  });

  test("errors: more than 10 in 5 minutes, of each function by an alarm of its own", () => {
    const ofErrors = alarms().filter(({ name }) => String(name).startsWith("errors-"));
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

  test("the authorizer's refused tokens are not counted as its errors", () => {
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
      dimensions: { QueueName: "session-stream-failures-prod" },
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

interface Widget {
  readonly properties: {
    readonly title: string;
    readonly region: string;
    readonly metrics: readonly (readonly unknown[])[];
  };
}

const text = v.pipe(v.string(), v.minLength(1));
const rendering = { label: v.optional(v.string()), yAxis: v.optional(v.picklist(["left", "right"])) };

/**
 * What CloudWatch takes for a graph, as its "Dashboard body structure and syntax" says: it refuses the whole dashboard, and
 * so the deployment, for one entry of another form.
 */
const widgetSchema = v.strictObject({
  type: v.literal("metric"),
  width: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(24)),
  height: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000)),
  properties: v.strictObject({
    title: text,
    region: text,
    period: v.pipe(v.number(), v.multipleOf(60)),
    view: v.picklist(["timeSeries", "singleValue", "gauge", "bar", "pie"]),
    metrics: v.pipe(v.array(v.array(v.unknown())), v.minLength(1), v.maxLength(500)),
  }),
});

/** Namespace, name, pairs of a dimension and its value, and the options behind them. */
const metricSchema = v.pipe(
  v.array(v.unknown()),
  v.check((entry) => entry.length % 2 === 1),
  v.transform((entry) => ({ names: entry.slice(0, -1), options: entry.at(-1) })),
  v.object({
    names: v.pipe(v.array(text), v.minLength(2), v.maxLength(2 + 2 * 30)),
    options: v.strictObject({
      ...rendering,
      stat: v.optional(
        v.pipe(v.string(), v.regex(/^(Sum|Maximum|Minimum|Average|SampleCount|p\d+(\.\d+)?)$/)),
      ),
    }),
  }),
);

/** An expression stands for a metric as the one object of its entry. */
const expressionSchema = v.tuple([v.strictObject({ ...rendering, expression: text })]);

describe("the dashboard", () => {
  const widgets = (): Widget[] => {
    const [dashboard] = ofType(graph, types.dashboard);
    const body: { widgets: Widget[] } = JSON.parse(String(dashboard?.inputs.dashboardBody));
    return body.widgets;
  };
  const entries = () => widgets().flatMap(({ properties }) => properties.metrics);
  const metrics = () => entries().filter((entry) => entry.length > 1);
  const searches = () =>
    entries().flatMap((entry) => (v.is(expressionSchema, entry) ? [entry[0].expression] : []));
  const shown = (metricName: string) => metrics().filter((metric) => metric[1] === metricName);

  test("is there once, by its name, and every graph of it has a title, a region and a metric", () => {
    expect(ofType(graph, types.dashboard).map(({ inputs }) => inputs.dashboardName)).toEqual([
      "lectern-prod",
    ]);
    for (const { properties } of widgets()) {
      expect(properties).toMatchObject({ title: expect.any(String), region: "us-east-1" });
      expect(properties.metrics.length).toBeGreaterThan(0);
    }
  });

  test("has the form that CloudWatch takes: entries are arrays, with an object in their last place only", () => {
    for (const widget of widgets()) {
      v.parse(widgetSchema, widget);
      for (const entry of widget.properties.metrics)
        v.parse(v.union([expressionSchema, metricSchema]), entry);
    }
  });

  test.each(["SessionCreationLatency", "ListenerJoinLatency", "HeartbeatLatency"])(
    "rule 18: shows p50, p95 and p99 of %s",
    (metricName) => {
      expect(shown(metricName).map((metric) => metric.at(-1))).toMatchObject([
        { stat: "p50" },
        { stat: "p95" },
        { stat: "p99" },
      ]);
    },
  );

  test.each(["ActiveSessions", "TotalListeners"])("rule 18: shows %s of this stage", (metricName) => {
    expect(shown(metricName)).toEqual([
      ["Lectern", metricName, "service", "lectern", "stage", "prod", expect.objectContaining({})],
    ]);
  });

  test.each([
    ["ConnectionErrors", "code"],
    ["RateLimitExceeded", "operation"],
  ])("rule 18: shows %s by %s, of this stage alone", (metricName, dimension) => {
    const search = searches().find((text) => text.includes(metricName)) ?? "";
    expect(search).toContain(`{Lectern,service,stage,${dimension}}`);
    expect(search).toContain('stage="prod"');
  });

  test("names only functions, tables and the API that there are", () => {
    const valuesOf = (dimension: string) => {
      const at = (metric: readonly unknown[]) => metric.indexOf(dimension);
      return [...new Set(metrics().flatMap((metric) => (at(metric) < 0 ? [] : [metric[at(metric) + 1]])))];
    };
    expect(valuesOf("FunctionName").sort()).toEqual(functions);
    expect(valuesOf("TableName").sort()).toEqual(namesOf(graph, types.table));
    expect(valuesOf("ApiId")).toEqual(ofType(graph, types.api).map(({ id }) => id));
  });

  test("asks for no metric by session or connection", () => {
    const dimensions = metrics().map((metric) =>
      metric
        .slice(2, -1)
        .filter((_, index) => index % 2 === 0)
        .join(),
    );
    expect([...new Set(dimensions)].sort()).toEqual([
      "ApiId",
      "FunctionName",
      "TableName",
      "TableName,GlobalSecondaryIndexName",
      "service,stage",
    ]);
    expect(searches()).toHaveLength(2);
  });
});

test("the saved query reads the log group of every function, and no other", () => {
  const [query, ...others] = ofType(graph, types.query);
  expect(others).toEqual([]);
  const groups = namesOf(graph, types.logGroup).filter((name) => name.startsWith("/aws/lambda/"));
  const read = query?.inputs.logGroupNames as string[] | undefined;
  expect(read?.toSorted()).toEqual(groups);
  expect(groups).toEqual(functions.map((name) => `/aws/lambda/${name}`));
  expect(query?.inputs.queryString).toMatch(/^fields @timestamp.*\n\| filter sessionId = .*\n\| sort/);
});

describe("the budget", () => {
  test.each([{}, { alarmEmail: "ops@example.com" }])(
    "is not there for a stage with %j alone",
    async (settings) => {
      expect(ofType(await graphOf("dev", settings), types.budget)).toEqual([]);
    },
  );

  test("tells the address before it is spent, and when it is going to be", async () => {
    const settings = { monthlyBudget: "55", alarmEmail: "ops@example.com" };
    const [budget] = ofType(await graphOf("dev", settings), types.budget);
    expect(budget?.inputs).toMatchObject({
      name: "lectern-dev",
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
