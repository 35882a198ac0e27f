import { lambda, on } from "./function";
import { environment, manage } from "./realtime";
import { named } from "./stage";
import { connections, connectionsByLanguage, sessions } from "./storage";

/** What a stream function gave up on, for an operator to look at; the reaper heals its effects. */
export const failures = new aws.sqs.Queue("StreamFailures", {
  name: named("session-stream-failures"),
  messageRetentionSeconds: 14 * 24 * 3_600,
  sqsManagedSseEnabled: true,
});

/** What a function needs to be fed by a table's stream. */
const fedBy = (table: sst.aws.Dynamo) => [
  {
    actions: ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"].map(
      (action) => `dynamodb:${action}`,
    ),
    resources: [table.nodes.table.streamArn],
  },
  { actions: ["sqs:SendMessage"], resources: [failures.arn] },
];

/** Lambda's defaults retry for ever, one poison record blocking its shard for a day; SST's start may miss records. */
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

export const welcome = lambda("Welcome", "session-welcome", {
  handler: "packages/functions/src/handler/welcome.handler",
  memory: "256 MB",
  timeout: "30 seconds",
  environment,
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
  transform: { eventSourceMapping: { ...mapping, batchSize: 25 } },
});

export const announce = lambda("Announce", "session-announce", {
  handler: "packages/functions/src/handler/announce.handler",
  memory: "512 MB",
  timeout: "60 seconds",
  environment,
  permissions: [
    ...fedBy(sessions),
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
    // Removed by the TTL before the reaper came to end it.
    { dynamodb: { OldImage: { isActive: is(true) }, NewImage: { sessionId: absent("S") } } },
  ],
  transform: { eventSourceMapping: { ...mapping, batchSize: 1 } },
});
