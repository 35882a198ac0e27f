import type { Stream, StreamRecord } from "../dynamodb/stream.js";
import type { Outcome } from "../lambda/invocation.js";

/** An event-source mapping from a DynamoDB stream to a function, with the settings that Lambda gives it. */
export interface Mapping {
  readonly id: string;
  /** Physical name. */
  readonly functionName: string;
  readonly functionArn: string;
  readonly stream: Stream;
  /** 100 by default. */
  readonly batchSize?: number;
  readonly startingPosition: "TRIM_HORIZON" | "LATEST";
  /** 0 by default: a batch leaves as soon as there is a record. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** JSON patterns; a record passes that matches one of them, or any record when there is none. */
  readonly filters: readonly string[];
  /** -1, the default, retries until the records leave the stream after 24 hours. */
  readonly maximumRetryAttempts?: number;
  /** -1 and no value: no limit but those 24 hours. */
  readonly maximumRecordAgeInSeconds?: number;
  readonly bisectBatchOnFunctionError: boolean;
  readonly reportBatchItemFailures: boolean;
  /** How many batches of one shard may be under way, each with items of its own. */
  readonly parallelizationFactor: number;
  /** A queue or topic that is told of what is given up. */
  readonly onFailureArn?: string;
}

export type DiscardCondition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

/** Events of a mapping, for observers. */
export type MappingEvent =
  | { readonly kind: "filtered"; readonly record: StreamRecord }
  | { readonly kind: "invoked"; readonly records: readonly StreamRecord[]; readonly outcome: Outcome }
  | { readonly kind: "bisected"; readonly records: readonly StreamRecord[] }
  | { readonly kind: "retrying"; readonly records: readonly StreamRecord[]; readonly afterMs: number }
  | {
      readonly kind: "discarded";
      readonly records: readonly StreamRecord[];
      readonly condition: DiscardCondition;
    };
