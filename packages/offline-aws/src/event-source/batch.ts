import type { Clock } from "../clock.js";
import type { Pauses } from "../dynamodb/pauses.js";
import type { StreamEntry } from "../dynamodb/stream.js";
import type { Invoke, Outcome } from "../lambda/invocation.js";
import { judge } from "./batch-response.js";
import { type FailureMessage, failureMessage } from "./failure-message.js";
import type { DiscardCondition, Mapping, MappingEvent } from "./mapping.js";

export interface Dependencies {
  readonly invoke: Invoke;
  readonly clock: Clock;
  /** Sends a message to the mapping's on-failure queue or topic. */
  readonly deliverFailure: (destinationArn: string, message: FailureMessage) => void;
  readonly onEvent?: (event: MappingEvent) => void;
}

export interface BatchOptions extends Dependencies {
  readonly mapping: Mapping;
  readonly pauses: Pauses;
  readonly isClosed: () => boolean;
  readonly finish: (entries: readonly StreamEntry[]) => void;
}

interface Batch {
  readonly entries: readonly StreamEntry[];
  readonly retries: number;
  readonly throttles: number;
  readonly invocations: number;
  readonly outcome: Outcome | undefined;
}

/** A stream keeps records for a day, so no retry lasts longer. */
const retentionSeconds = 24 * 3600;
const firstBackoff = 100;
const longestBackoff = 5_000;

/** Works on consecutive records, in order, until each has succeeded or was given up. */
export const handleBatch = async (entries: readonly StreamEntry[], options: BatchOptions): Promise<void> => {
  const work: Batch[] = [{ entries, retries: 0, throttles: 0, invocations: 0, outcome: undefined }];
  for (let batch = work.shift(); batch && !options.isClosed(); batch = work.shift()) {
    work.unshift(...(await attempt(batch, options)));
  }
};

/** Invokes the function once. Resolves to the batches that are still to be done. */
const attempt = async (batch: Batch, options: BatchOptions): Promise<Batch[]> => {
  const { mapping, invoke, finish, isClosed, onEvent } = options;
  const fresh = batch.entries.filter((entry) => !isTooOld(entry, options));
  if (fresh.length < batch.entries.length) {
    const old = batch.entries.filter((entry) => !fresh.includes(entry));
    discard({ ...batch, entries: old }, "RecordAgeExceeded", options);
    return fresh.length > 0 ? [{ ...batch, entries: fresh }] : [];
  }
  const records = recordsOf(batch);
  const outcome = await invoke(mapping.functionName, { Records: records });
  if (isClosed()) return [];
  onEvent?.({ kind: "invoked", records, outcome });
  const verdict = judge(outcome, records, mapping.reportBatchItemFailures);
  if (verdict.kind === "succeeded") {
    finish(batch.entries);
    return [];
  }
  if (verdict.kind === "not-invoked") {
    await backOff(batch, batch.throttles, options);
    return [{ ...batch, outcome, throttles: batch.throttles + 1 }];
  }
  finish(batch.entries.slice(0, verdict.from));
  const rest = {
    ...batch,
    entries: batch.entries.slice(verdict.from),
    outcome,
    invocations: batch.invocations + 1,
  };
  return mapping.bisectBatchOnFunctionError && batch.entries.length > 1
    ? bisect(rest, verdict.from, options)
    : retry(rest, options);
};

/** Splits at the record that the function named, else in the middle. Splitting uses up no retry. */
const bisect = (batch: Batch, splitBefore: number, { onEvent }: BatchOptions): Batch[] => {
  onEvent?.({ kind: "bisected", records: recordsOf(batch) });
  if (splitBefore > 0) return [batch];
  const middle = Math.ceil(batch.entries.length / 2);
  return [
    { ...batch, entries: batch.entries.slice(0, middle) },
    { ...batch, entries: batch.entries.slice(middle) },
  ];
};

const retry = async (batch: Batch, options: BatchOptions): Promise<Batch[]> => {
  const most = options.mapping.maximumRetryAttempts ?? -1;
  if (most >= 0 && batch.retries >= most) {
    discard(batch, "RetryAttemptsExhausted", options);
    return [];
  }
  await backOff(batch, batch.retries, options);
  return [{ ...batch, retries: batch.retries + 1 }];
};

const backOff = async (batch: Batch, attempts: number, { pauses, onEvent }: BatchOptions): Promise<void> => {
  const afterMs = Math.min(firstBackoff * 2 ** attempts, longestBackoff);
  onEvent?.({ kind: "retrying", records: recordsOf(batch), afterMs });
  await pauses.start(afterMs).over;
};

const isTooOld = ({ record }: StreamEntry, { mapping, clock }: BatchOptions): boolean => {
  const most = mapping.maximumRecordAgeInSeconds ?? -1;
  const limit = most < 0 ? retentionSeconds : Math.min(most, retentionSeconds);
  return clock.now() / 1000 - record.dynamodb.ApproximateCreationDateTime > limit;
};

const discard = (
  { entries, invocations, outcome }: Batch,
  condition: DiscardCondition,
  { mapping, clock, deliverFailure, finish, onEvent }: BatchOptions,
): void => {
  const [first, last] = [entries[0], entries.at(-1)];
  if (!first || !last) return;
  onEvent?.({ kind: "discarded", records: entries.map(({ record }) => record), condition });
  if (mapping.onFailureArn !== undefined) {
    const details = { first, last, batchSize: entries.length, condition, invocations, outcome };
    deliverFailure(mapping.onFailureArn, failureMessage(mapping, details, clock.now()));
  }
  finish(entries);
};

const recordsOf = ({ entries }: Batch) => entries.map(({ record }) => record);
