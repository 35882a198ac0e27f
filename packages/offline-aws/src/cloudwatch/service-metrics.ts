import type { RequestRecord } from "../dynamodb/index.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { InvocationRecord } from "../lambda/scheduler.js";
import type { Datum, Dimensions } from "./metrics.js";

type Put = (datum: Datum) => void;

const measuring =
  (put: Put, namespace: string, timestamp: number) =>
  (name: string, dimensions: Dimensions, value = 1, unit = "Count"): void =>
    put({ namespace, name, dimensions, value, unit, timestamp });

/** `AWS/Lambda`, per function and in total. As in AWS, the timestamp is the start of the invocation. */
export const putInvocation = (put: Put, record: InvocationRecord): void => {
  const { functionName, durationMs, outcome, startedAt } = record;
  const measure = measuring(put, "AWS/Lambda", startedAt);
  const throttled = outcome.kind === "throttled";
  for (const dimensions of [{ FunctionName: functionName }, {}] satisfies Dimensions[]) {
    measure("Throttles", dimensions, Number(throttled));
    // A throttled request counts neither as an invocation nor as an error.
    if (throttled) continue;
    measure("Invocations", dimensions);
    measure("Errors", dimensions, Number(outcome.kind === "failed" || outcome.kind === "timed-out"));
    measure("Duration", dimensions, durationMs, "Milliseconds");
  }
};

/** The age of a batch's last record when the function got it. */
export const putIteratorAge = (put: Put, functionName: string, ms: number, timestamp: number): void =>
  measuring(put, "AWS/Lambda", timestamp)("IteratorAge", { FunctionName: functionName }, ms, "Milliseconds");

/** A queue's gauge, which SQS reports every minute. */
export const putQueueDepth = (put: Put, queueName: string, visible: number, timestamp: number): void =>
  measuring(put, "AWS/SQS", timestamp)(
    "ApproximateNumberOfMessagesVisible",
    { QueueName: queueName },
    visible,
  );

export interface ApiStage {
  readonly apiId: string;
  readonly stageName: string;
}

/** `AWS/ApiGateway`, for the API and for its stage. Messages that were delivered are not counted. */
export const putGatewayEvent = (
  put: Put,
  { apiId, stageName }: ApiStage,
  event: GatewayEvent,
  timestamp: number,
): void => {
  const measure = measuring(put, "AWS/ApiGateway", timestamp);
  for (const name of metricsOf(event)) {
    measure(name, { ApiId: apiId });
    measure(name, { ApiId: apiId, Stage: stageName });
  }
};

const metricsOf = (event: GatewayEvent): readonly string[] => {
  switch (event.kind) {
    case "connected":
    case "abandoned":
      return ["ConnectCount"];
    case "refused":
      // The gateway refuses with 502 when an integration gave no usable answer.
      if (event.status === 502) return ["ConnectCount", "IntegrationError", "ExecutionError"];
      // Only the event's reason tells whether the integration or the gateway refused.
      if (event.reason.endsWith(` returned ${event.status}`)) return ["ConnectCount", "IntegrationError"];
      return event.status < 500 ? ["ClientError"] : ["ExecutionError"];
    case "message-refused":
      return event.message === "Internal server error"
        ? ["IntegrationError", "ExecutionError"]
        : ["ClientError"];
    default:
      return [];
  }
};

const readOperations = new Set(["GetItem", "BatchGetItem", "Query", "Scan"]);

/** `AWS/DynamoDB`. A batch over several tables is left out: its record has no consumption per table. */
export const putRequest = (put: Put, record: RequestRecord): void => {
  const { table, index, operation, consumedReadUnits, consumedWriteUnits } = record;
  if (table === undefined || table.includes(",")) return;
  const measure = measuring(put, "AWS/DynamoDB", record.startedAt);
  const consumer: Dimensions =
    index === undefined ? { TableName: table } : { TableName: table, GlobalSecondaryIndexName: index };
  if (consumedReadUnits > 0) measure("ConsumedReadCapacityUnits", consumer, consumedReadUnits);
  if (consumedWriteUnits > 0) measure("ConsumedWriteCapacityUnits", consumer, consumedWriteUnits);
  switch (record.errorType) {
    case "ProvisionedThroughputExceededException":
    case "ThrottlingException":
      measure("ThrottledRequests", { TableName: table, Operation: operation });
      measure(readOperations.has(operation) ? "ReadThrottleEvents" : "WriteThrottleEvents", consumer);
      break;
    case "ConditionalCheckFailedException":
      measure("ConditionalCheckFailedRequests", { TableName: table });
      break;
    case "InternalServerError":
      measure("SystemErrors", { TableName: table, Operation: operation });
  }
};
