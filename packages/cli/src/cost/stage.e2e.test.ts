import { type Graph, ofType, plan } from "offline-aws";
import { beforeAll, expect, test } from "vitest";
import { graphOf } from "../../../../infra/testing/graph.js";
import { accessLogBytes, stageOf } from "./stage.js";

const stageType = "aws:apigatewayv2/stage:Stage";

let graph: Graph;

beforeAll(async () => {
  graph = await graphOf("prod");
});

test("a stage's functions have their memory, by their short names", () => {
  const { functions } = stageOf(graph);
  expect(Object.keys(functions)).toHaveLength(plan(graph).functions.length);
  expect(functions).toMatchObject({ "heartbeat-handler": 128, announce: 512, "connection-handler": 256 });
});

test("an alarm counts each metric that it watches, but no expression", () => {
  const { alarms } = stageOf(graph);
  expect(Object.keys(alarms)).toHaveLength(ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").length);
  expect(alarms).toMatchObject({
    "connection-errors": 1,
    "errors-authorizer": 2,
    // Reads and writes of three tables and an index.
    "throttles-dynamodb": 8,
    "throttles-lambda": plan(graph).functions.length,
    // One metric in an expression.
    "reaper-silent": 1,
  });
});

test("dashboards, backups, retention and the reaper's schedule come from the resources", () => {
  expect(stageOf(graph)).toMatchObject({
    name: "prod",
    metrics: true,
    dashboards: 1,
    backups: true,
    logRetentionDays: 1,
    reaperMinutes: 1,
    settings: { heartbeatIntervalSeconds: 30, heartbeatLogSampling: 0.01, logLevel: "INFO" },
  });
});

test("a preview has no alarm, no metric and no dashboard", async () => {
  const preview = stageOf(await graphOf("pr-7"));
  expect(preview).toMatchObject({ name: "pr-7", alarms: {}, metrics: false, dashboards: 0 });
});

test("an access log's line has the length of the values that API Gateway fills in", () => {
  const event = { eventType: "MESSAGE", routeKey: "heartbeat" };
  expect(accessLogBytes('{"route":"$context.routeKey","status":"$context.status"}', event)).toBe(
    '{"route":"heartbeat","status":"200"}'.length,
  );
  expect(accessLogBytes("$context.requestTime $context.error.responseType", event)).toBe(
    "19/Feb/2024:07:11:42 +0000 -".length,
  );
});

test("a variable without a sample is an error", () => {
  expect(() => accessLogBytes("$context.identity.sourceIp", { eventType: "", routeKey: "" })).toThrow(
    "The length of the access log's $context.identity.sourceIp is unknown: add a sample",
  );
});

test("a stage without an access log writes none", () => {
  const silent: Graph = {
    ...graph,
    resources: graph.resources.map((resource) => {
      if (resource.type !== stageType) return resource;
      const { accessLogSettings: _settings, ...inputs } = resource.inputs;
      return { ...resource, inputs };
    }),
  };
  expect(stageOf(graph).accessLog.message).toBeGreaterThan(100);
  expect(stageOf(silent).accessLog).toEqual({ connect: 0, message: 0, disconnect: 0 });
});
