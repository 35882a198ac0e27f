import { unmarshall } from "@aws-sdk/util-dynamodb";
import { hashId, type RowChange } from "@lectern/core";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { instrumented } from "./invocation.js";

/**
 * A handler of a table's stream. All records of a batch are handled at once, because each concerns a different row. The
 * failed ones are reported, so that Lambda retries from the first failed record.
 */
export const streamHandler =
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
    await instrumented({ operation, fields, isBackground: true }, () => act(changeIn(record)));
    return [];
  } catch {
    // `instrumented` has logged the error, and Lambda retries the record.
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

/** The row's ids, for the log line: without them a failure could not be traced to its row. */
const idsIn = ({ dynamodb }: DynamoDBRecord) => {
  const { sessionId, connectionId } = plain(dynamodb?.Keys) ?? {};
  return {
    ...(typeof sessionId === "string" ? { sessionId } : {}),
    ...(typeof connectionId === "string" ? { connection: hashId(connectionId) } : {}),
  };
};

// Lambda's event types and the SDK's types describe the same attribute values under different names.
const plain = (image: NonNullable<DynamoDBRecord["dynamodb"]>["NewImage"]) =>
  image && unmarshall(image as Parameters<typeof unmarshall>[0]);
