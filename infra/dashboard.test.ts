import { type Graph, ofType } from "offline-aws";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { functionNames } from "./functions";
import { graphOf, namesOf, types } from "./testing/graph";

const functions = functionNames.map((name) => `${name}-prod`).sort();

let graph: Graph;
beforeAll(async () => {
  graph = await graphOf("prod");
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
 * The form of a graph by CloudWatch's "Dashboard body structure and syntax".
 * One entry of another form fails the whole dashboard, and with it the deployment.
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

/** Namespace, name, pairs of a dimension and its value, and last the options. */
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

/** Instead of a metric, an entry may be one object with an expression. */
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

  test("exists once, and each of its graphs has a title, a region and a metric", () => {
    expect(ofType(graph, types.dashboard).map(({ inputs }) => inputs.dashboardName)).toEqual([
      "lectern-prod",
    ]);
    for (const { properties } of widgets()) {
      expect(properties).toMatchObject({ title: expect.any(String), region: "us-east-1" });
      expect(properties.metrics.length).toBeGreaterThan(0);
    }
  });

  test("has the form that CloudWatch accepts: entries are arrays with an object only at their end", () => {
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

  test("names exactly the functions, the tables and the API of the stage", () => {
    const valuesOf = (dimension: string) => {
      const at = (metric: readonly unknown[]) => metric.indexOf(dimension);
      return [...new Set(metrics().flatMap((metric) => (at(metric) < 0 ? [] : [metric[at(metric) + 1]])))];
    };
    expect(valuesOf("FunctionName").sort()).toEqual(functions);
    expect(valuesOf("TableName").sort()).toEqual(namesOf(graph, types.table));
    expect(valuesOf("ApiId")).toEqual(ofType(graph, types.api).map(({ id }) => id));
  });

  test("shows no metric by session or connection", () => {
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

test("the saved query reads the log group of every function, and no other, and is made after them", () => {
  const [query, ...others] = ofType(graph, types.query);
  expect(others).toEqual([]);
  const groups = namesOf(graph, types.logGroup).filter((name) => name.startsWith("/aws/lambda/"));
  const read = query?.inputs.logGroupNames as string[] | undefined;
  expect(read?.toSorted()).toEqual(groups);
  expect(groups).toEqual(functions.map((name) => `/aws/lambda/${name}`));
  // CloudWatch refuses a query of a group that does not exist.
  const declared = ofType(graph, types.logGroup).filter(({ inputs }) => read?.includes(String(inputs.name)));
  expect(query?.dependsOn).toEqual(
    expect.arrayContaining(declared.map(({ type, name }) => `${type}/${name}`)),
  );
  expect(query?.inputs.queryString).toMatch(/^fields @timestamp.*\n\| filter sessionId = .*\n\| sort/);
});
