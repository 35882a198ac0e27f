import type { RequestRecord } from "../dynamodb/index.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { InvocationRecord } from "../lambda/scheduler.js";
import type { Datum, Dimensions } from "./metrics.js";

type Put = (datum: Datum) => void;

/** `AWS/Lambda`, per function and in total. As in AWS, the timestamp is the start of the invocation. */
export const putInvocation = (
  put: Put,
  { functionName, durationMs, outcome, startedAt }: InvocationRecord,
): void => {
  const measure = (name: string, value: number, unit = "Count"): void => {
    for (const dimensions of [{ FunctionName: functionName }, {}] satisfies Dimensions[])
      put({ namespace: "AWS/Lambda", name, dimensions, value, unit, timestamp: startedAt });
  };
  const throttled = outcome.kind === "throttled";
  measure("Throttles", Number(throttled));
  // A throttled request counts neither as an invocation nor as an error.
  if (throttled) return;
  measure("Invocations", 1);
  measure("Errors", Number(outcome.kind === "failed" || outcome.kind === "timed-out"));
  measure("Duration", durationMs, "Milliseconds");
};

/** The age of a batch's last record when the function got it. */
export const putIteratorAge = (put: Put, functionName: string, ms: number, timestamp: number): void =>
  put({
    namespace: "AWS/Lambda",
    name: "IteratorAge",
    dimensions: { FunctionName: functionName },
    value: ms,
    unit: "Milliseconds",
    timestamp,
  });

export interface ApiStage {
  readonly apiId: string;
  readonly stageName: string;
}

export type ApiMetric =
  | "ConnectCount"
  | "MessageCount"
  | "ClientError"
  | "IntegrationError"
  | "ExecutionError";

/** `AWS/ApiGateway`, for the API and for its stage. */
export const putApiMetric = (
  put: Put,
  { apiId, stageName }: ApiStage,
  name: ApiMetric,
  timestamp: number,
  times = 1,
): void => {
  for (const dimensions of [{ ApiId: apiId }, { ApiId: apiId, Stage: stageName }]) {
    for (let time = 0; time < times; time += 1)
      put({ namespace: "AWS/ApiGateway", name, dimensions, value: 1, unit: "Count", timestamp });
  }
};

/** Adds a gateway's event to the metrics of its API. */
export const putGatewayEvent = (put: Put, stage: ApiStage, event: GatewayEvent, timestamp: number): void => {
  for (const name of metricsOf(event)) putApiMetric(put, stage, name, timestamp);
};

const metricsOf = (event: GatewayEvent): readonly ApiMetric[] => {
  switch (event.kind) {
    case "connected":
    case "abandoned":
      return ["ConnectCount"];
    case "refused":
      if (!isRefusedByIntegration(event)) return event.status < 500 ? ["ClientError"] : ["ExecutionError"];
      // The gateway refuses with 502 when an integration gave no usable answer.
      return event.status === 502
        ? ["ConnectCount", "IntegrationError", "ExecutionError"]
        : ["ConnectCount", "IntegrationError"];
    case "message-refused":
      return event.message === "Internal server error"
        ? ["IntegrationError", "ExecutionError"]
        : ["ClientError"];
    default:
      return [];
  }
};

/** Only the event's reason tells whether the integration or the gateway refused. */
const isRefusedByIntegration = ({ status, reason }: { readonly status: number; readonly reason: string }) =>
  status === 502 || reason.endsWith(` returned ${status}`);

/** A queue's gauge, which SQS reports every minute. */
export const putQueueDepth = (put: Put, queueName: string, visible: number, timestamp: number): void =>
  put({
    namespace: "AWS/SQS",
    name: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: queueName },
    value: visible,
    unit: "Count",
    timestamp,
  });

const readOperations = new Set(["GetItem", "BatchGetItem", "Query", "Scan"]);
const throttles = new Set(["ProvisionedThroughputExceededException", "ThrottlingException"]);

/** `AWS/DynamoDB`. A batch over several tables is left out: its record has no consumption per table. */
export const putRequest = (put: Put, record: RequestRecord): void => {
  const { table, index, operation, errorType, startedAt: timestamp } = record;
  if (table === undefined || table.includes(",")) return;
  const measure = (name: string, dimensions: Dimensions, value = 1): void =>
    put({ namespace: "AWS/DynamoDB", name, dimensions, value, unit: "Count", timestamp });
  const consumer: Dimensions =
    index === undefined ? { TableName: table } : { TableName: table, GlobalSecondaryIndexName: index };

  if (record.consumedReadUnits > 0) measure("ConsumedReadCapacityUnits", consumer, record.consumedReadUnits);
  if (record.consumedWriteUnits > 0)
    measure("ConsumedWriteCapacityUnits", consumer, record.consumedWriteUnits);
  if (errorType === undefined) return;
  if (throttles.has(errorType)) {
    measure("ThrottledRequests", { TableName: table, Operation: operation });
    measure(readOperations.has(operation) ? "ReadThrottleEvents" : "WriteThrottleEvents", consumer);
  }
  if (errorType === "ConditionalCheckFailedException")
    measure("ConditionalCheckFailedRequests", { TableName: table });
  if (errorType === "InternalServerError")
    measure("SystemErrors", { TableName: table, Operation: operation });
};
