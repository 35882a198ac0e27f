import { randomUUID } from "node:crypto";
import type { StreamEntry } from "../dynamodb/stream.js";
import type { Outcome } from "../lambda/invocation.js";
import type { DiscardCondition, Mapping } from "./mapping.js";

/** The message to an on-failure destination. It says where the records are and does not contain them. */
export interface FailureMessage {
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: DiscardCondition;
    readonly approximateInvokeCount: number;
  };
  /** Left out when the function was never invoked. */
  readonly responseContext?: {
    readonly statusCode: 200;
    readonly executedVersion: "$LATEST";
    readonly functionError?: "Unhandled";
  };
  readonly version: "1.0";
  readonly timestamp: string;
  readonly DDBStreamBatchInfo: {
    readonly shardId: string;
    readonly startSequenceNumber: string;
    readonly endSequenceNumber: string;
    readonly approximateArrivalOfFirstRecord: string;
    readonly approximateArrivalOfLastRecord: string;
    readonly batchSize: number;
    readonly streamArn: string;
  };
}

export interface Discard {
  readonly first: StreamEntry;
  readonly last: StreamEntry;
  readonly batchSize: number;
  readonly condition: DiscardCondition;
  readonly invocations: number;
  readonly outcome: Outcome | undefined;
}

export const failureMessage = (
  { functionArn, stream }: Mapping,
  { first, last, batchSize, condition, invocations, outcome }: Discard,
  now: number,
): FailureMessage => ({
  requestContext: { requestId: randomUUID(), functionArn, condition, approximateInvokeCount: invocations },
  ...(outcome &&
    outcome.kind !== "throttled" && {
      responseContext: {
        statusCode: 200,
        executedVersion: "$LATEST",
        ...(outcome.kind !== "returned" && { functionError: "Unhandled" }),
      },
    }),
  version: "1.0",
  timestamp: new Date(now).toISOString(),
  DDBStreamBatchInfo: {
    shardId: first.shardId,
    startSequenceNumber: first.record.dynamodb.SequenceNumber,
    endSequenceNumber: last.record.dynamodb.SequenceNumber,
    approximateArrivalOfFirstRecord: arrival(first),
    approximateArrivalOfLastRecord: arrival(last),
    batchSize,
    streamArn: stream.arn,
  },
});

/** `2019-11-14T00:13:19Z`: streams know whole seconds. */
const arrival = ({ record }: StreamEntry): string =>
  new Date(record.dynamodb.ApproximateCreationDateTime * 1000).toISOString().replace(/\.\d+Z$/, "Z");
