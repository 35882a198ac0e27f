import { unmarshall } from "@aws-sdk/util-dynamodb";
import { hashConnectionId, type RowChange } from "@lectern/core";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { work } from "./invocation.js";

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
  const fields = { record: record.eventID, ...idsIn(record) };
  try {
    await work({ operation, fields, isBackground: true }, () => act(changeIn(record)));
    return [];
  } catch {
    // Logged by then; the stream brings it again.
    return [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? "" }];
  }
};

const changeIn = ({ eventName, dynamodb, userIdentity }: DynamoDBRecord): RowChange => ({
  eventName,
  before: plain(dynamodb?.OldImage),
  after: plain(dynamodb?.NewImage),
  byTtl: userIdentity?.principalId === "dynamodb.amazonaws.com",
  changedAt: (dynamodb?.ApproximateCreationDateTime ?? 0) * 1000,
});

/** What a line says of the row from the start, so that also a failure can be followed. */
const idsIn = ({ dynamodb }: DynamoDBRecord) => {
  const { sessionId, connectionId } = plain(dynamodb?.Keys) ?? {};
  return {
    ...(typeof sessionId === "string" ? { sessionId } : {}),
    ...(typeof connectionId === "string" ? { connection: hashConnectionId(connectionId) } : {}),
  };
};

// The types of Lambda's events and of the SDK describe the same attribute values under different names.
const plain = (image: NonNullable<DynamoDBRecord["dynamodb"]>["NewImage"]) =>
  image && unmarshall(image as Parameters<typeof unmarshall>[0]);
