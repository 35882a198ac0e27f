import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";

import type { JsonObject, Resource } from "../synth/graph.js";
import type { Transition } from "./alarm.js";
import { type CloudWatch, startCloudWatch } from "./cloudwatch.js";
import { minuteMs } from "./metrics.js";
import type { Notification } from "./sns.js";
import { statisticOf } from "./statistic.js";

const nine = Date.parse("2026-11-28T09:00:00Z");
const topicArn = "arn:aws:sns:us-east-1:000000000000:alarms";

const resource = (type: string, name: string, inputs: JsonObject, id = name): Resource => ({
  type,
  name,
  id,
  inputs,
});

const alarm = (inputs: JsonObject, name = "slow"): Resource =>
  resource("aws:cloudwatch/metricAlarm:MetricAlarm", name, {
    namespace: "Shop",
    metricName: "Latency",
    statistic: "Maximum",
    period: 60,
    evaluationPeriods: 1,
    threshold: 100,
    comparisonOperator: "GreaterThanThreshold",
    alarmActions: [topicArn],
    okActions: [topicArn],
    ...inputs,
  });

const topic = resource("aws:sns/topic:Topic", "Alarms", { name: "alarms" }, topicArn);
const subscription = resource("aws:sns/topicSubscription:TopicSubscription", "ByEmail", {
  topic: topicArn,
  protocol: "email",
  endpoint: "ops@example.com",
});

let clock: StackClock;
let cloudWatch: CloudWatch | undefined;
let transitions: Transition[];
let notifications: Notification[];

const start = (...resources: readonly Resource[]): CloudWatch => {
  cloudWatch = startCloudWatch({
    graph: { resources: [topic, subscription, ...resources] },
    clock,
    onAlarm: (transition) => transitions.push(transition),
    onNotification: (notification) => notifications.push(notification),
  });
  return cloudWatch;
};

const put = (value: number, name = "Latency"): void =>
  cloudWatch?.metrics.put({ namespace: "Shop", name, dimensions: {}, value, timestamp: clock.now() });

/** Puts these values, one a minute, and lets each minute end. */
const minutes = (...values: readonly (number | undefined)[]): void => {
  for (const value of values) {
    if (value !== undefined) put(value);
    clock.advance(minuteMs);
  }
};

const states = (): string[] => transitions.map(({ from, alarm }) => `${from} -> ${alarm.state}`);

beforeEach(() => {
  vi.useFakeTimers({ now: nine });
  clock = new StackClock();
  transitions = [];
  notifications = [];
});

afterEach(() => {
  cloudWatch?.close();
  cloudWatch = undefined;
  clock.close();
  vi.useRealTimers();
});

test("an alarm is evaluated when a minute is over, and not before", () => {
  const { alarms } = start(alarm({}));
  put(200);
  clock.advance(minuteMs - 1);
  expect(alarms()[0]).toMatchObject({
    state: "INSUFFICIENT_DATA",
    reason: "Unchecked: Initial alarm creation",
    changedAt: nine,
  });
  clock.advance(1);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 200, changedAt: nine + minuteMs });
});

test("evaluate includes the current minute", () => {
  const { alarms, evaluate } = start(alarm({}));
  put(200);
  evaluate();
  expect(alarms()[0]?.state).toBe("ALARM");
});

test("both transitions are reported, each with its reason in CloudWatch's words", () => {
  start(alarm({}));
  minutes(200, 99.5);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> ALARM", "ALARM -> OK"]);
  expect(transitions.map(({ alarm: { reason } }) => reason)).toEqual([
    "Threshold Crossed: 1 out of the last 1 datapoints [200.0 (28/11/26 09:00:00)] was greater than the threshold (100.0) (minimum 1 datapoint for OK -> ALARM transition).",
    "Threshold Crossed: 1 out of the last 1 datapoints [99.5 (28/11/26 09:01:00)] was not greater than the threshold (100.0) (minimum 1 datapoint for ALARM -> OK transition).",
  ]);
});

test("the topic's message is CloudWatch's, with the topic's subscriptions", () => {
  start(
    alarm({
      name: "latency-local",
      alarmDescription: "Too slow: https://example.com/runbook",
      dimensions: { service: "s" },
      statistic: "Average",
      evaluationPeriods: 2,
      datapointsToAlarm: 1,
    }),
  );
  cloudWatch?.metrics.put({
    namespace: "Shop",
    name: "Latency",
    dimensions: { service: "s" },
    value: 150,
    timestamp: clock.now(),
  });
  clock.advance(minuteMs);
  expect(notifications).toEqual([
    {
      messageId: expect.any(String),
      topicArn,
      subject: 'ALARM: "latency-local" in us-east-1',
      message: expect.any(String),
      timestamp: nine + minuteMs,
      subscriptions: [{ protocol: "email", endpoint: "ops@example.com" }],
    },
  ]);
  expect(cloudWatch?.notifications()).toEqual(notifications);
  expect(JSON.parse(notifications[0]?.message ?? "")).toEqual({
    AlarmName: "latency-local",
    AlarmDescription: "Too slow: https://example.com/runbook",
    AWSAccountId: "000000000000",
    AlarmConfigurationUpdatedTimestamp: "2026-11-28T09:00:00.000+0000",
    NewStateValue: "ALARM",
    NewStateReason:
      "Threshold Crossed: 1 out of the last 2 datapoints [150.0 (28/11/26 09:00:00)] was greater than the threshold (100.0) (minimum 1 datapoint for OK -> ALARM transition).",
    StateChangeTime: "2026-11-28T09:01:00.000+0000",
    Region: "us-east-1",
    AlarmArn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency-local",
    OldStateValue: "INSUFFICIENT_DATA",
    OKActions: [topicArn],
    AlarmActions: [topicArn],
    InsufficientDataActions: [],
  });
});

test("each state runs its actions, and no action runs while actions are disabled", () => {
  start(alarm({ okActions: [] }), alarm({ actionsEnabled: false }, "mute"));
  minutes(200, 1);
  expect(states()).toHaveLength(4);
  expect(notifications.map(({ subject }) => subject)).toEqual(['ALARM: "slow" in us-east-1']);
});

test("an undeclared topic gets nothing", () => {
  start(alarm({ alarmActions: [`${topicArn}-elsewhere`, "arn:aws:automate:us-east-1:ec2:stop"] }));
  minutes(200);
  expect(notifications).toEqual([]);
});

test("2 out of 3: two points over the threshold raise the alarm, and it ends when fewer are left", () => {
  start(alarm({ evaluationPeriods: 3, datapointsToAlarm: 2 }));
  minutes(1, 200, 1, 200);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> OK", "OK -> ALARM"]);
  expect(transitions[1]?.alarm.reason).toContain(
    "2 out of the last 3 datapoints [200.0 (28/11/26 09:03:00), 200.0 (28/11/26 09:01:00)] were greater",
  );
  minutes(1, 1);
  expect(states()[2]).toBe("ALARM -> OK");
  expect(transitions[2]?.alarm.reason).toContain("(minimum 2 datapoints for ALARM -> OK transition)");
});

test("a period longer than a minute moves on minute by minute", () => {
  const { alarms } = start(alarm({ statistic: "Sum", period: 300 }));
  minutes(60, undefined, undefined, 60);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 120 });
  minutes(undefined, 0);
  expect(alarms()[0]).toMatchObject({ state: "OK", value: 60 });
});

test("missing data, notBreaching: silence is OK, and the last points stand in for the first silent periods", () => {
  start(alarm({ treatMissingData: "notBreaching" }));
  minutes(undefined, 200, undefined, undefined);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> OK", "OK -> ALARM"]);
  minutes(undefined);
  expect(states()[2]).toBe("ALARM -> OK");
  expect(transitions.map(({ alarm: { reason } }) => reason)[2]).toBe(
    "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
  );
});

test("missing data, breaching: silence raises the alarm, and any heartbeat ends it", () => {
  start(
    alarm({
      treatMissingData: "breaching",
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      evaluationPeriods: 2,
    }),
  );
  minutes(5, undefined, undefined, undefined, undefined);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> OK", "OK -> ALARM"]);
  expect(transitions[1]?.alarm.reason).toBe(
    "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
  );
  minutes(5);
  expect(transitions[2]?.alarm.reason).toBe(
    "Threshold Crossed: 1 datapoint [5.0 (28/11/26 09:05:00)] was not less than the threshold (1.0) and 1 missing datapoint was treated as [Breaching].",
  );
});

test("missing data, missing: silence gives INSUFFICIENT_DATA", () => {
  start(alarm({}));
  minutes(1, undefined, undefined);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> OK"]);
  minutes(undefined);
  expect(states()[1]).toBe("OK -> INSUFFICIENT_DATA");
  expect(transitions[1]?.alarm.reason).toBe("Insufficient Data: 1 datapoint was unknown.");
});

test("missing data, ignore: silence keeps the state, which is also the default for DynamoDB's metrics", () => {
  start(alarm({ treatMissingData: "ignore" }), alarm({ namespace: "AWS/DynamoDB" }, "throttled"));
  cloudWatch?.metrics.put({
    namespace: "AWS/DynamoDB",
    name: "Latency",
    dimensions: {},
    value: 200,
    timestamp: clock.now(),
  });
  minutes(200, ...Array.from({ length: 10 }, () => undefined));
  expect(states()).toEqual(["INSUFFICIENT_DATA -> ALARM", "INSUFFICIENT_DATA -> ALARM"]);
});

test("an alarm on a percentile uses the value that this share of the data does not exceed", () => {
  const { alarms } = start(alarm({ extendedStatistic: "p95" }));
  for (let value = 1; value <= 100; value += 1) put(value * 2);
  minutes(undefined);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 190 });
});

test("only data in the alarm's unit counts", () => {
  const { alarms } = start(alarm({ unit: "Seconds" }));
  minutes(200);
  expect(alarms()[0]?.value).toBeUndefined();
});

const query = (id: string, metricName: string): JsonObject => ({
  id,
  metric: { namespace: "Shop", metricName, stat: "Sum", period: 60, dimensions: {} },
});

test("an alarm on an expression is evaluated from its metrics", () => {
  start(
    alarm({
      metricQueries: [
        { id: "rate", expression: "IF(all > 10, 100 * bad / all, 0)", label: "Error rate", returnData: true },
        query("bad", "Errors"),
        query("all", "Requests"),
      ],
      threshold: 5,
    }),
  );
  for (const [errors, requests] of [
    [1, 5],
    [1, 20],
    [2, 20],
  ] as const) {
    put(errors, "Errors");
    put(requests, "Requests");
    clock.advance(minuteMs);
  }
  expect(states()).toEqual(["INSUFFICIENT_DATA -> OK", "OK -> ALARM"]);
  expect(transitions[1]?.alarm.value).toBe(10);
});

test.each<[string, JsonObject, string]>([
  [
    "an unsupported function",
    { metricQueries: [{ id: "a", expression: "RATE(m1)", returnData: true }, query("m1", "Requests")] },
    "RATE is not supported. The local stack's metric math has",
  ],
  [
    "an expression that refers to itself",
    { metricQueries: [{ id: "a", expression: "a + m1", returnData: true }, query("m1", "Requests")] },
    "The expression a refers to itself.",
  ],
  [
    "an expression over more than ten metrics",
    {
      metricQueries: [
        { id: "total", expression: "m0 + m1", returnData: true },
        ...Array.from({ length: 11 }, (_, at) => query(`m${at}`, "Requests")),
      ],
    },
    "CloudWatch would refuse it: an alarm's expression can include 10 metrics, and it has 11.",
  ],
  ["a period that is no whole minute", { period: 10 }, "evaluates periods of whole minutes, not 10 seconds"],
  [
    "a percentile that ignores few samples",
    { extendedStatistic: "p95", evaluateLowSampleCountPercentiles: "ignore" },
    "evaluateLowSampleCountPercentiles: the local stack also evaluates percentiles of few samples.",
  ],
  ["a statistic that it does not know", { statistic: "tm90" }, "and percentiles, not tm90"],
  [
    "anomaly detection",
    { comparisonOperator: "GreaterThanUpperThreshold" },
    'the comparison "GreaterThanUpperThreshold" is not supported',
  ],
])("%s leaves the alarm without an evaluation, and the others in peace", (_, inputs, sentence) => {
  const { alarms } = start(alarm(inputs, "odd"), alarm({}));
  put(200);
  minutes(undefined, undefined);
  expect(alarms()[0]).toMatchObject({ name: "odd", state: "INSUFFICIENT_DATA", definition: undefined });
  expect(alarms()[0]?.reason).toContain(sentence);
  expect(alarms()[1]?.state).toBe("ALARM");
});

test("when the clock jumps, every minute in between is evaluated", () => {
  start(alarm({}));
  put(200);
  clock.advance(10 * minuteMs);
  expect(states()).toEqual(["INSUFFICIENT_DATA -> ALARM", "ALARM -> INSUFFICIENT_DATA"]);
  expect(transitions.map(({ alarm: { changedAt } }) => (changedAt - nine) / minuteMs)).toEqual([1, 4]);
});

test("an alarm that looks back a day has the data of a day", () => {
  const { alarms } = start(alarm({ statistic: "Sum", period: 21_600, evaluationPeriods: 2 }));
  put(200);
  clock.advance(23 * 60 * minuteMs);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 200 });
});

test("nothing is evaluated once it is closed", () => {
  const { close } = start(alarm({}));
  close();
  minutes(200, 200);
  expect(transitions).toEqual([]);
});

const sums = (namespace: string): Record<string, number | undefined> => {
  const span = { start: clock.now() - minuteMs, end: clock.now() + minuteMs };
  return Object.fromEntries(
    (cloudWatch?.metrics.list() ?? [])
      .filter((id) => id.namespace === namespace)
      .map((id) => {
        const summary = cloudWatch?.metrics.summarize(id, span);
        return [[id.name, ...Object.values(id.dimensions)].join(" "), summary && statisticOf(summary, "Sum")];
      }),
  );
};

test("an invocation counts as AWS/Lambda counts it", () => {
  const { onInvocation, iteratorAge } = start();
  const base = {
    functionName: "buy",
    requestId: "1",
    coldStart: false,
    durationMs: 5,
    startedAt: nine,
    event: {},
  };
  onInvocation({ ...base, outcome: { kind: "returned", payload: {} } });
  onInvocation({ ...base, outcome: { kind: "failed", errorType: "Error", errorMessage: "" } });
  onInvocation({ ...base, outcome: { kind: "timed-out", afterSeconds: 3 } });
  onInvocation({ ...base, outcome: { kind: "throttled" } });
  iteratorAge("buy", 1500);
  expect(sums("AWS/Lambda")).toEqual({
    "Invocations buy": 3,
    "Errors buy": 2,
    "Duration buy": 15,
    "Throttles buy": 1,
    "IteratorAge buy": 1500,
    Invocations: 3,
    Errors: 2,
    Duration: 15,
    Throttles: 1,
  });
});

test("a gateway's events count for its API and for its stage", () => {
  const { onGatewayEvent } = start(
    resource("aws:apigatewayv2/api:Api", "Api", { protocolType: "WEBSOCKET" }, "a1"),
    resource("aws:apigatewayv2/stage:Stage", "Stage", { apiId: "a1", name: "prod" }),
  );
  const connectionId = "c=";
  onGatewayEvent({ kind: "connected", connectionId, handshakeMs: 1 });
  onGatewayEvent({ kind: "refused", status: 429, reason: "the stage's throttle is used up" });
  onGatewayEvent({ kind: "refused", status: 429, reason: "connect returned 429" });
  onGatewayEvent({ kind: "refused", status: 502, reason: "connect failed with Error" });
  onGatewayEvent({ kind: "message-refused", connectionId, message: "Forbidden", reason: "no route" });
  onGatewayEvent({ kind: "message-refused", connectionId, message: "Internal server error", reason: "x" });
  const expected = {
    ConnectCount: 3,
    ClientError: 2,
    IntegrationError: 3,
    ExecutionError: 2,
  };
  expect(sums("AWS/ApiGateway")).toEqual(
    Object.fromEntries(
      Object.entries(expected).flatMap(([name, count]) => [
        [`${name} a1`, count],
        [`${name} a1 prod`, count],
      ]),
    ),
  );
});

test("without a WebSocket API a gateway's events are not counted", () => {
  start().onGatewayEvent({ kind: "connected", connectionId: "c=", handshakeMs: 1 });
  expect(cloudWatch?.metrics.list()).toEqual([]);
});

test("a request counts as AWS/DynamoDB counts it", () => {
  const { onRequest } = start();
  const base = {
    operation: "GetItem",
    table: "Orders",
    index: undefined,
    accessKeyId: undefined,
    userAgent: undefined,
    startedAt: nine,
    durationMs: 1,
    consumedReadUnits: 0.5,
    consumedWriteUnits: 0,
    errorType: undefined,
  };
  onRequest(base);
  onRequest({ ...base, operation: "Query", index: "by-date", consumedReadUnits: 2 });
  onRequest({ ...base, operation: "PutItem", consumedReadUnits: 0, consumedWriteUnits: 1 });
  onRequest({ ...base, table: "Orders,Carts", operation: "BatchGetItem" });
  const refused = { ...base, consumedReadUnits: 0 };
  onRequest({ ...refused, errorType: "ProvisionedThroughputExceededException" });
  onRequest({ ...refused, operation: "PutItem", errorType: "ThrottlingException" });
  onRequest({ ...refused, operation: "PutItem", errorType: "ConditionalCheckFailedException" });
  onRequest({ ...refused, errorType: "InternalServerError" });
  expect(sums("AWS/DynamoDB")).toEqual({
    "ConsumedReadCapacityUnits Orders": 0.5,
    "ConsumedReadCapacityUnits Orders by-date": 2,
    "ConsumedWriteCapacityUnits Orders": 1,
    "ThrottledRequests Orders GetItem": 1,
    "ReadThrottleEvents Orders": 1,
    "ThrottledRequests Orders PutItem": 1,
    "WriteThrottleEvents Orders": 1,
    "ConditionalCheckFailedRequests Orders": 1,
    "SystemErrors Orders GetItem": 1,
  });
});

test("a queue's depth is reported every minute until it changes, so that its alarm holds", () => {
  const { queueDepth, alarms } = start(
    alarm({
      namespace: "AWS/SQS",
      metricName: "ApproximateNumberOfMessagesVisible",
      dimensions: { QueueName: "lost" },
      statistic: "Sum",
      threshold: 0,
      treatMissingData: "notBreaching",
    }),
  );
  queueDepth("arn:aws:sqs:us-east-1:000000000000:lost", 2);
  minutes(undefined, undefined, undefined, undefined, undefined);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 2, changedAt: nine + minuteMs });
  queueDepth("arn:aws:sqs:us-east-1:000000000000:lost", 0);
  minutes(undefined);
  expect(alarms()[0]).toMatchObject({ state: "OK", value: 0 });
});

test("metrics that a function logs reach the alarm on them", () => {
  const { ingestLog, alarms } = start(alarm({}));
  const _aws = {
    Timestamp: nine,
    CloudWatchMetrics: [{ Namespace: "Shop", Dimensions: [[]], Metrics: [{ Name: "Latency" }] }],
  };
  ingestLog({ functionName: "buy", text: JSON.stringify({ _aws, Latency: [50, 250] }) });
  minutes(undefined);
  expect(alarms()[0]).toMatchObject({ state: "ALARM", value: 250 });
});

test("the first, partial minute is not evaluated: an alarm on silence waits for a full one", () => {
  clock.advance(minuteMs - 5_000);
  const { alarms } = start(alarm({ treatMissingData: "breaching" }));
  clock.advance(5_000);
  expect(alarms()[0]?.state).toBe("INSUFFICIENT_DATA");
  clock.advance(minuteMs);
  expect(alarms()[0]?.state).toBe("ALARM");
});
