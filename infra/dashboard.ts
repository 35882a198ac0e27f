import { logGroups } from "./function";
import { functionNames, streamFunctionNames } from "./functions";
import { api } from "./realtime";
import { named, settings } from "./stage";
import { connectionsByLanguage } from "./storage";

const allFunctions = functionNames.map(named);
const streamFunctions = streamFunctionNames.map(named);
const tables = ["Sessions", "Connections", "RateLimits"].map(named);
/** The dimensions of the tables and of the index. A table's metrics leave out the throttles of its index. */
const throttled = [
  ...tables.map((table) => ["TableName", table]),
  ["TableName", named("Connections"), "GlobalSecondaryIndexName", connectionsByLanguage],
];

type Metric = readonly [namespace: string, metricName: string, ...dimensionsAndOptions: unknown[]];

/** A metric that the functions emit, summed over the stage. */
const own = (metricName: string, options: object = {}): Metric => [
  "Lectern",
  metricName,
  "service",
  "lectern",
  "stage",
  $app.stage,
  options,
];

/** One line for each value of a dimension. CloudWatch takes an expression only inside an array. */
const by = (metricName: string, dimension: string) => [
  [
    {
      expression: `SEARCH('{Lectern,service,stage,${dimension}} MetricName="${metricName}" stage="${$app.stage}"', 'Sum', 300)`,
      label: "",
    },
  ],
];

const half = 12;

const widget = (title: string, metrics: readonly (readonly unknown[])[]) => ({
  type: "metric",
  width: half,
  height: 6,
  properties: { title, region: settings.region, period: 60, view: "timeSeries", metrics },
});

const percentiles = (metricName: string): Metric[] =>
  ["p50", "p95", "p99"].map((stat) => own(metricName, { stat, label: stat }));

const perFunction = (names: readonly string[], metricName: string, stat: string): Metric[] =>
  names.map((name) => ["AWS/Lambda", metricName, "FunctionName", name, { stat, label: name }]);

new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: named("lectern"),
  dashboardBody: api.nodes.api.id.apply((apiId) =>
    JSON.stringify({
      widgets: [
        widget("Session creation, handshake to welcome (ms)", percentiles("SessionCreationLatency")),
        widget("Join, handshake to welcome (ms)", percentiles("ListenerJoinLatency")),
        widget("Heartbeat, frame to acknowledgement (ms)", percentiles("HeartbeatLatency")),
        widget("Active sessions and listeners", [
          own("ActiveSessions", { stat: "Maximum" }),
          own("TotalListeners", { stat: "Maximum", yAxis: "right" }),
        ]),
        widget("Errors by code", by("ConnectionErrors", "code")),
        widget("Limits by operation", by("RateLimitExceeded", "operation")),
        widget("Fan-out", [
          own("FanOutSize", { stat: "Maximum" }),
          own("FanOutGone", { stat: "Sum" }),
          own("FanOutDuration", { stat: "p95", yAxis: "right" }),
        ]),
        widget("Found by the reaper", [
          own("CountDrift", { stat: "Sum" }),
          own("SilentConnections", { stat: "Sum" }),
          own("ReaperRuns", { stat: "Sum" }),
        ]),
        widget("Errors that no client sees", [
          own("BackgroundErrors", { stat: "Sum" }),
          own("RateLimitsUnavailable", { stat: "Sum" }),
        ]),
        widget("Function errors", perFunction(allFunctions, "Errors", "Sum")),
        widget("Function duration, p95 (ms)", perFunction(allFunctions, "Duration", "p95")),
        widget("Cold starts and throttles", [
          own("ColdStarts", { stat: "Sum" }),
          ...perFunction(allFunctions, "Throttles", "Sum"),
        ]),
        widget("Stream age (ms)", perFunction(streamFunctions, "IteratorAge", "Maximum")),
        widget("Gateway", [
          ["AWS/ApiGateway", "ConnectCount", "ApiId", apiId, { stat: "Sum" }],
          ["AWS/ApiGateway", "MessageCount", "ApiId", apiId, { stat: "Sum", yAxis: "right" }],
        ]),
        widget(
          "DynamoDB throttles",
          throttled.flatMap((dimensions) =>
            ["ReadThrottleEvents", "WriteThrottleEvents"].map((metricName) => [
              "AWS/DynamoDB",
              metricName,
              ...dimensions,
              { stat: "Sum", label: `${dimensions.at(-1)} ${metricName}` },
            ]),
          ),
        ),
      ],
    }),
  ),
});

/**
 * One session's log lines from all functions. Replace the session id in the query by yours.
 * The names come from the groups, because CloudWatch refuses a query of a group that does not exist yet.
 */
new aws.cloudwatch.QueryDefinition("SessionStory", {
  name: `lectern-${$app.stage}/session-story`,
  logGroupNames: $util.all(logGroups).apply((groups) => groups.flatMap((group) => group?.name ?? [])),
  queryString: [
    "fields @timestamp, service, operation, outcome, message, durationMs, errorCode, connection, user, requestId",
    '| filter sessionId = "golden-eagle-427"',
    "| sort @timestamp asc",
    "| limit 1000",
  ].join("\n"),
});
