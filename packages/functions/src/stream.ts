import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { core } from "./core.js";
import { work } from "./invocation.js";

/** What is older was missed by an outage; the reaper has healed it since. */
const oldestMs = 300_000;

/** One change of a table's row, its images as plain values. */
export interface RowChange {
  readonly eventName: DynamoDBRecord["eventName"];
  readonly before: unknown;
  readonly after: unknown;
  /** DynamoDB's TTL did it. */
  readonly byTtl: boolean;
}

/**
 * A handler of a table's stream: all records of a batch at once, since each is of another row. Records that failed are
 * named, so that only they and what follows them come again.
 */
export const changes =
  (operation: string, act: (change: RowChange) => Promise<void>) =>
  async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    const failures = await Promise.all(Records.map((record) => attempt(operation, act, record)));
    return { batchItemFailures: failures.flat() };
  };

const attempt = async (
  operation: string,
  act: (change: RowChange) => Promise<void>,
  record: DynamoDBRecord,
) => {
  const ageMs = core.now() - (record.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000;
  if (ageMs > oldestMs) return [];
  try {
    await work({ operation, fields: { record: record.eventID } }, () => act(changeIn(record)));
    return [];
  } catch {
    // Logged by then; the stream brings it again.
    return [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? "" }];
  }
};

const changeIn = ({ eventName, dynamodb, userIdentity }: DynamoDBRecord): RowChange => ({
  eventName,
  before: imageOf(dynamodb?.OldImage),
  after: imageOf(dynamodb?.NewImage),
  byTtl: userIdentity?.principalId === "dynamodb.amazonaws.com",
});

// The types of Lambda's events and of the SDK describe the same attribute values under different names.
const imageOf = (image: NonNullable<DynamoDBRecord["dynamodb"]>["NewImage"]): unknown =>
  image && unmarshall(image as Parameters<typeof unmarshall>[0]);
