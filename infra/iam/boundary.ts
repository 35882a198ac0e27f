import { app, namesOf, type Place } from "./names";
import { allow, of, type Policy, policyArn, policyOf, type Statement } from "./policy";

/** Limits a pipeline. A role that deploys could otherwise give itself any right. */
export interface Bounds {
  /** The name of the policy that must be the boundary of every role. */
  readonly boundary: string;
  /** The stages that this pipeline must never touch, even if another statement allows it. */
  readonly never: readonly string[];
}

/** Lambda needs these to put a function into a VPC. */
export const networkInterfaceActions = of(
  "ec2",
  ...["CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets"],
  ...["DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"],
);

/**
 * The most rights that the roles of these stages' functions can have, whatever their own policies say.
 * A pipeline that writes such a policy gains nothing by it.
 */
export const functionBoundary = (place: Place, inVpc: boolean): Policy => {
  const { tables, logGroups, queues } = namesOf(place);
  const { account, region } = place;
  return policyOf(
    allow(
      "Rows",
      of("dynamodb", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
      tables.flatMap((table) => [table, `${table}/index/*`]),
    ),
    allow(
      "Streams",
      of("dynamodb", "GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"),
      tables.map((table) => `${table}/stream/*`),
    ),
    allow("Logs", of("logs", "CreateLogStream", "PutLogEvents"), logGroups),
    allow("Failures", of("sqs", "SendMessage"), queues),
    // The id of an API does not tell its stage.
    allow("Sockets", of("execute-api", "ManageConnections"), [
      `arn:aws:execute-api:${region}:${account}:*/prod/*/@connections/*`,
    ]),
    ...(inVpc ? [allow("NetworkInterfaces", networkInterfaceActions, ["*"])] : []),
  );
};

/** Denies a pipeline the stages that it must never touch, and the roles and policies that limit it. */
export const denials = ({ stage, account, region }: Place, { never }: Bounds): readonly Statement[] => {
  // A pattern for prod's names would also match the names of prod-west.
  const byName = never.filter((other) => !stage.startsWith(`${other}-`));
  return [
    {
      Sid: "NeverByName",
      Effect: "Deny",
      Action: ["*"],
      Resource: [
        ...byName.flatMap((other) => Object.values(namesOf({ stage: other, account, region })).flat()),
        `arn:aws:iam::${account}:role/${app}-deploy-*`,
        policyArn(account, `${app}-deploy-*`),
        policyArn(account, `${app}-boundary-*`),
      ],
    },
    ...(never.length > 0 ? [neverByTag(never)] : []),
  ];
};

const neverByTag = (never: readonly string[]): Statement => ({
  Sid: "NeverByTag",
  Effect: "Deny",
  Action: ["*"],
  Resource: ["*"],
  Condition: { StringEquals: { "aws:ResourceTag/sst:app": app, "aws:ResourceTag/sst:stage": never } },
});
