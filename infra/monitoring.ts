import { drain } from "./drain";
import { authorizer, connect, disconnect, fallback, heartbeat, refresh } from "./realtime";
import { reaper } from "./reaper";
import { named, settings } from "./stage";
import { connections, connectionsByLanguage, rateLimits, sessions } from "./storage";
import { announce, failures, welcome } from "./stream";

export const alarmTopic = new sst.aws.SnsTopic("Alarms", {
  transform: { topic: { name: named("session-management-alarms") } },
});

if (settings.alarmEmail) {
  new aws.sns.TopicSubscription("AlarmsByEmail", {
    topic: alarmTopic.arn,
    protocol: "email",
    endpoint: settings.alarmEmail,
  });
}

/** By the name that their log lines and alarms go under. */
const functions = {
  authorizer,
  "connection-handler": connect,
  "disconnect-handler": disconnect,
  "heartbeat-handler": heartbeat,
  "refresh-handler": refresh,
  "default-handler": fallback,
  welcome,
  announce,
  reaper,
  drain,
};

const minutes = (count: number): number => count * 60;

type Metric = Pick<
  aws.cloudwatch.MetricAlarmArgs,
  "namespace" | "metricName" | "dimensions" | "statistic" | "extendedStatistic"
>;

/** A metric that the functions emit, over the whole stage. */
const own = (metricName: string, statistic: string): Metric => ({
  namespace: "Lectern",
  metricName,
  dimensions: { service: "lectern", stage: $app.stage },
  ...(statistic.startsWith("p") ? { extendedStatistic: statistic } : { statistic }),
});

const ofFunction = (fn: sst.aws.Function, metricName: string, statistic: string): Metric => ({
  namespace: "AWS/Lambda",
  metricName,
  dimensions: { FunctionName: fn.name },
  statistic,
});

interface Alarm {
  /** What it is called in the runbook. */
  readonly name: string;
  readonly says: string;
  /** Seconds over which one value is taken. */
  readonly period: number;
  /** How many such values in a row, 1 by default. */
  readonly periods?: number;
  readonly threshold: number;
  readonly comparison?: "GreaterThanThreshold" | "LessThanThreshold";
  /** What silence means; by default that nothing is wrong. */
  readonly missing?: "notBreaching" | "breaching";
  readonly of: Metric | { readonly metricQueries: aws.cloudwatch.MetricAlarmArgs["metricQueries"] };
}

const runbook = "docs/runbook.md";

/** `stream-age-welcome` → `StreamAgeWelcomeAlarm` */
const componentName = (name: string): string =>
  `${name.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase())}Alarm`;

const alarm = ({ name, says, period, periods = 1, threshold, comparison, missing, of }: Alarm) =>
  new aws.cloudwatch.MetricAlarm(componentName(name), {
    name: named(name),
    alarmDescription: `${says} What to do: ${runbook}#${name}`,
    ...("metricQueries" in of ? of : { ...of, period }),
    evaluationPeriods: periods,
    datapointsToAlarm: periods,
    threshold,
    comparisonOperator: comparison ?? "GreaterThanThreshold",
    treatMissingData: missing ?? "notBreaching",
    alarmActions: [alarmTopic.arn],
    okActions: [alarmTopic.arn],
  });

/** One value of several metrics, by their ids in an expression; the other parts of the alarm are for that value. */
const math = (id: string, expression: string, metrics: Readonly<Record<string, Metric>>, period: number) => ({
  metricQueries: [
    { id, expression, label: id, returnData: true },
    ...Object.entries(metrics).map(([of, { namespace, metricName, dimensions, statistic }]) => ({
      id: of,
      metric: { namespace, metricName: metricName ?? "", dimensions, period, stat: statistic ?? "Sum" },
    })),
  ],
});

/** Sums metrics that have no common dimension into one, in which silence is a zero. */
const sumOf = (metrics: readonly Metric[], period: number) => {
  const byId = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  const terms = Object.keys(byId).map((id) => `FILL(${id}, 0)`);
  return math("total", terms.join(" + "), byId, period);
};

alarm({
  name: "session-creation-latency",
  says: "More than one speaker in twenty waits over 2 s for sessionCreated.",
  period: minutes(5),
  periods: 2,
  threshold: 2_000,
  of: own("SessionCreationLatency", "p95"),
});

alarm({
  name: "connection-errors",
  says: "More than 100 handshakes and frames were refused or failed in 5 minutes.",
  period: minutes(5),
  threshold: 100,
  of: own("ConnectionErrors", "Sum"),
});

// A bug that a handler answers for is no error to Lambda: the client is told, and nothing is thrown.
alarm({
  name: "internal-errors",
  says: "More than 10 requests met a bug of ours in 5 minutes.",
  period: minutes(5),
  threshold: 10,
  of: {
    ...own("ConnectionErrors", "Sum"),
    dimensions: { service: "lectern", stage: $app.stage, code: "INTERNAL_ERROR" },
  },
});

// Nor is what fails while no client waits: the streams' functions name the record, and the reaper leaves it to its next run.
alarm({
  name: "background-errors",
  says: "More than 10 welcomes, announcements or steps of the reaper failed in 5 minutes.",
  period: minutes(5),
  threshold: 10,
  of: own("BackgroundErrors", "Sum"),
});

alarm({
  name: "limits-off",
  says: "More than 10 requests were let in unlimited in 5 minutes, since RateLimits could not be reached.",
  period: minutes(5),
  threshold: 10,
  of: own("RateLimitsUnavailable", "Sum"),
});

alarm({
  name: "active-sessions",
  says: "More than nine tenths of the sessions that this stage is meant for are active.",
  period: minutes(1),
  periods: 2,
  threshold: 0.9 * settings.maxActiveSessions,
  of: own("ActiveSessions", "Maximum"),
});

for (const [name, fn] of Object.entries(functions)) {
  if (fn === authorizer) continue;
  alarm({
    name: `errors-${name}`,
    says: `The function failed or timed out more than 10 times in 5 minutes.`,
    period: minutes(5),
    threshold: 10,
    of: ofFunction(fn, "Errors", "Sum"),
  });
}

// The authorizer refuses a token by throwing, which Lambda counts as an error like any other.
alarm({
  name: "errors-authorizer",
  says: "The authorizer failed more than 10 times in 5 minutes, refused tokens not counted.",
  period: minutes(5),
  threshold: 10,
  of: math(
    "faults",
    "FILL(errors, 0) - FILL(refused, 0)",
    { errors: ofFunction(authorizer, "Errors", "Sum"), refused: own("TokensRefused", "Sum") },
    minutes(5),
  ),
});

for (const [name, fn] of [
  ["welcome", welcome],
  ["announce", announce],
] as const) {
  alarm({
    name: `stream-age-${name}`,
    says: "Changes wait over a minute in the stream before the function takes them.",
    period: minutes(1),
    periods: 2,
    threshold: 60_000,
    of: ofFunction(fn, "IteratorAge", "Maximum"),
  });
}

alarm({
  name: "stream-failures",
  says: "A stream function gave up on records, which are in the queue.",
  period: minutes(1),
  threshold: 0,
  of: {
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: failures.name },
    statistic: "Maximum",
  },
});

alarm({
  name: "reaper-silent",
  says: "No reaper run has come to its end for 5 minutes.",
  period: minutes(5),
  threshold: 1,
  comparison: "LessThanThreshold",
  missing: "breaching",
  // As a sum: for a period that is merely missing, CloudWatch would take an older run than it, and ring ten minutes late.
  of: sumOf([own("ReaperRuns", "Sum")], minutes(5)),
});

alarm({
  name: "count-drift",
  says: "Listener counts were wrong by more than 10 in 15 minutes; the reaper has corrected them.",
  period: minutes(15),
  threshold: 10,
  of: own("CountDrift", "Sum"),
});

// A math expression in an alarm takes ten metrics at most.
alarm({
  name: "throttles-lambda",
  says: "Lambda throttled this stage's functions.",
  period: minutes(5),
  threshold: 0,
  of: sumOf(
    Object.values(functions).map((fn) => ofFunction(fn, "Throttles", "Sum")),
    minutes(5),
  ),
});

alarm({
  name: "throttles-dynamodb",
  says: "DynamoDB throttled this stage's tables.",
  period: minutes(5),
  threshold: 0,
  of: sumOf(
    [
      ...[sessions, connections, rateLimits].map((table) => ({ TableName: table.name })),
      // An index's throttles are not in its table's metrics.
      { TableName: connections.name, GlobalSecondaryIndexName: connectionsByLanguage },
    ].flatMap((dimensions) =>
      ["ReadThrottleEvents", "WriteThrottleEvents"].map((metricName) => ({
        namespace: "AWS/DynamoDB",
        metricName,
        dimensions,
        statistic: "Sum",
      })),
    ),
    minutes(5),
  ),
});

const { monthlyBudget, alarmEmail } = settings;
if (monthlyBudget !== undefined && alarmEmail !== undefined) {
  const notification = (threshold: number, notificationType: "ACTUAL" | "FORECASTED") => ({
    comparisonOperator: "GREATER_THAN",
    threshold,
    thresholdType: "PERCENTAGE",
    notificationType,
    subscriberEmailAddresses: [alarmEmail],
  });
  new aws.budgets.Budget("MonthlyBudget", {
    name: named("lectern"),
    budgetType: "COST",
    timeUnit: "MONTHLY",
    limitAmount: `${monthlyBudget}`,
    limitUnit: "USD",
    notifications: [notification(80, "ACTUAL"), notification(100, "FORECASTED")],
  });
}
