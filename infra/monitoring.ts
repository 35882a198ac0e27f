import { alarm, math, ofFunction, own, sumOf } from "./alarm";
import { functionNames, functions, streamFunctionNames } from "./functions";
import { settings } from "./stage";
import { connections, connectionsByLanguage, rateLimits, sessions } from "./storage";
import { failures } from "./stream";

const minutes = (count: number): number => count * 60;

/** `session-welcome` → `welcome`, as the runbook names the alarms of one function. */
const short = (name: string): string => name.replace(/^session-/, "");

const authorizer = functions.Authorizer.name;

alarm({
  name: "session-creation-latency",
  says: "More than 5 % of speakers wait over 2 s for sessionCreated.",
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

// Lambda counts no error here: the handler catches the bug and answers with a clean error frame.
alarm({
  name: "internal-errors",
  says: "More than 10 requests failed with INTERNAL_ERROR in 5 minutes.",
  period: minutes(5),
  threshold: 10,
  of: {
    ...own("ConnectionErrors", "Sum"),
    dimensions: { service: "lectern", stage: $app.stage, code: "INTERNAL_ERROR" },
  },
});

// Lambda counts no error here either: a stream function reports the failed record, and the reaper retries in its next run.
alarm({
  name: "background-errors",
  says: "More than 10 welcomes, announcements or steps of the reaper failed in 5 minutes.",
  period: minutes(5),
  threshold: 10,
  of: own("BackgroundErrors", "Sum"),
});

alarm({
  name: "limits-off",
  says: "More than 10 requests passed without a rate limit in 5 minutes, because RateLimits could not be reached.",
  period: minutes(5),
  threshold: 10,
  of: own("RateLimitsUnavailable", "Sum"),
});

alarm({
  name: "active-sessions",
  says: "More than 90 % of maxActiveSessions are active.",
  period: minutes(1),
  periods: 2,
  threshold: 0.9 * settings.maxActiveSessions,
  of: own("ActiveSessions", "Maximum"),
});

for (const name of functionNames) {
  if (name === authorizer) continue;
  alarm({
    name: `errors-${short(name)}`,
    says: "The function failed or timed out more than 10 times in 5 minutes.",
    period: minutes(5),
    threshold: 10,
    of: ofFunction(name, "Errors", "Sum"),
  });
}

// The authorizer refuses a token by throwing, and Lambda counts that as an error.
alarm({
  name: "errors-authorizer",
  says: "The authorizer failed more than 10 times in 5 minutes, not counting refused tokens.",
  period: minutes(5),
  threshold: 10,
  of: math(
    "faults",
    "FILL(errors, 0) - FILL(refused, 0)",
    { errors: ofFunction(authorizer, "Errors", "Sum"), refused: own("TokensRefused", "Sum") },
    minutes(5),
  ),
});

for (const name of streamFunctionNames) {
  alarm({
    name: `stream-age-${short(name)}`,
    says: "Changes wait over a minute in the stream before the function receives them.",
    period: minutes(1),
    periods: 2,
    threshold: 60_000,
    of: ofFunction(name, "IteratorAge", "Maximum"),
  });
}

alarm({
  name: "stream-failures",
  says: "A stream function gave up on records. They are in the queue.",
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
  says: "No run of the reaper finished for 5 minutes.",
  period: minutes(5),
  threshold: 1,
  comparison: "LessThanThreshold",
  missing: "breaching",
  // As a sum, so that a missing period is 0. For a missing one CloudWatch uses older values, and rings ten minutes late.
  of: sumOf([own("ReaperRuns", "Sum")], minutes(5)),
});

alarm({
  name: "count-drift",
  says: "The reaper corrected listener counts by more than 10 in 15 minutes.",
  period: minutes(15),
  threshold: 10,
  of: own("CountDrift", "Sum"),
});

alarm({
  name: "throttles-lambda",
  says: "Lambda throttled this stage's functions.",
  period: minutes(5),
  threshold: 0,
  of: sumOf(
    functionNames.map((name) => ofFunction(name, "Throttles", "Sum")),
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
      // A table's metrics leave out the throttles of its index.
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
