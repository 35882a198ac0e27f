import { lambda, on } from "./function";
import { environment, manage } from "./realtime";
import { signingKey } from "./secret";
import { named } from "./stage";
import { connections, connectionsByLanguage, rateLimits, sessions } from "./storage";

/** The stream records that a function gave up on, for an operator to read. The reaper repairs their effects. */
export const failures = new aws.sqs.Queue("StreamFailures", {
  name: named("lectern-stream-failures"),
  messageRetentionSeconds: 14 * 24 * 3_600,
  sqsManagedSseEnabled: true,
});

/** Grants reading a table's stream and writing to the queue. `subscribe` with an ARN grants neither. */
const fedBy = (table: sst.aws.Dynamo) => [
  {
    actions: ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"].map(
      (action) => `dynamodb:${action}`,
    ),
    resources: [table.nodes.table.streamArn],
  },
  { actions: ["sqs:SendMessage"], resources: [failures.arn] },
];

/** By Lambda's defaults one bad record blocks its shard for a day. By SST's, new records may be missed. */
const mapping = {
  startingPosition: "TRIM_HORIZON",
  bisectBatchOnFunctionError: true,
  functionResponseTypes: ["ReportBatchItemFailures"],
  maximumRetryAttempts: 5,
  maximumRecordAgeInSeconds: 600,
  parallelizationFactor: 10,
  destinationConfig: { onFailure: { destinationArn: failures.arn } },
};

const present = (type: "S" | "N") => ({ [type]: [{ exists: true }] });
const absent = (type: "S" | "N") => ({ [type]: [{ exists: false }] });
const is = (value: boolean) => ({ BOOL: [value] });

const welcome = lambda("Welcome", {
  environment,
  link: [signingKey],
  permissions: [
    ...fedBy(connections),
    on(connections, ["GetItem", "DeleteItem"]),
    on(sessions, ["GetItem", "UpdateItem"]),
    manage("POST", "DELETE"),
  ],
});

connections.subscribe("Welcome", welcome.arn, {
  filters: [
    { dynamodb: { NewImage: { connectionId: present("S") }, OldImage: { connectionId: absent("S") } } },
  ],
  // SST keeps only the function's name of the ARN, and an alias would be lost.
  transform: { eventSourceMapping: { ...mapping, functionName: welcome.mappedAs, batchSize: 25 } },
});

const announce = lambda("Announce", {
  environment,
  permissions: [
    ...fedBy(sessions),
    on(rateLimits, ["UpdateItem"]),
    on(connections, ["Query"], connectionsByLanguage),
    on(connections, ["GetItem", "DeleteItem"]),
    manage("POST", "DELETE"),
  ],
});

sessions.subscribe("Announce", announce.arn, {
  filters: [
    { dynamodb: { OldImage: { isActive: is(true) }, NewImage: { isActive: is(false) } } },
    {
      dynamodb: {
        OldImage: { graceUntil: absent("N"), isActive: is(true) },
        NewImage: { graceUntil: present("N") },
      },
    },
    {
      dynamodb: {
        OldImage: { graceUntil: present("N") },
        NewImage: { graceUntil: absent("N"), isActive: is(true) },
      },
    },
    // The TTL removed the row before the reaper ended the session.
    { dynamodb: { OldImage: { isActive: is(true) }, NewImage: { sessionId: absent("S") } } },
  ],
  transform: { eventSourceMapping: { ...mapping, batchSize: 1 } },
});
