/** Who deploys which stages, and where. */
export interface Deployer {
  /** A stage's name, or `pr-*` for every preview. */
  readonly stage: string;
  /** The account's 12 digits. */
  readonly account: string;
  readonly region: string;
  /** The stage's domain, where it has one. */
  readonly domain?: string | undefined;
  /** The existing user pool that speakers sign in to, where the stage does not make its own. */
  readonly userPoolId?: string | undefined;
  /** What keeps a pipeline from rights that it was not given; undefined: the deployer is a person who is trusted. */
  readonly bounds?: Bounds | undefined;
  /** Also what only the first deployment into an account and region does: SST's own buckets, and API Gateway's logs. */
  readonly isFirst?: boolean;
}

export interface Bounds {
  /** The name of the policy that every role has to be made under. */
  readonly boundary: string;
  /** Stages that must not be touched, whatever else would allow it. */
  readonly never: readonly string[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** An IAM policy's document. */
export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

const app = "lectern";
const tables = ["Sessions", "Connections", "RateLimits"];

/** Actions of one service, under its prefix. */
const of = (service: string, ...actions: readonly string[]) =>
  actions.map((action) => `${service}:${action}`);

const allow = (
  Sid: string,
  Action: readonly string[],
  Resource: readonly string[],
  Condition?: Statement["Condition"],
): Statement => ({ Sid, Effect: "Allow", Action, Resource, ...(Condition ? { Condition } : {}) });

/** The ARNs that a stage's resources have by their fixed names. */
const namesOf = ({ stage, account, region }: Pick<Deployer, "stage" | "account" | "region">) => {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const functionGroup = `/aws/lambda/session-*-${stage}`;
  const groups = [functionGroup, `/aws/vendedlogs/apis/${app}-${stage}-*`];
  return {
    tables: tables.map((table) => arn("dynamodb", `table/${table}-${stage}`)),
    functions: [arn("lambda", `function:session-*-${stage}`)],
    // Some calls name a group with `:*` behind it, some without.
    logGroups: groups.flatMap((group) => [
      arn("logs", `log-group:${group}`),
      arn("logs", `log-group:${group}:*`),
    ]),
    roles: [`arn:aws:iam::${account}:role/${app}-${stage}-*`],
    topics: [arn("sns", `session-*-${stage}`)],
    queues: [arn("sqs", `session-*-${stage}`)],
    rules: [arn("events", `rule/${app}-${stage}-*`)],
    alarms: [arn("cloudwatch", `alarm:*-${stage}`)],
    dashboards: [`arn:aws:cloudwatch::${account}:dashboard/${app}-${stage}`],
    budgets: [`arn:aws:budgets::${account}:budget/${app}-${stage}`],
    passphrases: [arn("ssm", `parameter/sst/passphrase/${app}/${stage}`)],
    state: [
      `arn:aws:s3:::sst-state-*/*/${app}/${stage}.json`,
      `arn:aws:s3:::sst-state-*/*/${app}/${stage}/*`,
    ],
    // SST keeps them apart from the code, under the ARN of the function's log group.
    sourcemaps: [`arn:aws:s3:::sst-asset-*/sourcemap/${arn("logs", `log-group:${functionGroup}`)}/*`],
  };
};

/**
 * What somebody needs who deploys, verifies and removes these stages: narrowed to the stages' own names wherever AWS has
 * names. Cognito makes up ids, so there SST's tags count, which are on every resource that can bear one. API Gateway
 * makes them up too, and its routes and integrations bear none: of the region's APIs only those are out of reach that a
 * pipeline is told never to touch.
 */
export const deployerPolicy = (deployer: Deployer): Policy => {
  const { stage, account, region, domain, userPoolId, bounds, isFirst = false } = deployer;
  const names = namesOf(deployer);
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const gateway = (...paths: readonly string[]) =>
    paths.map((path) => `arn:aws:apigateway:${region}::${path}`);
  const ownBucket = { StringEquals: { "aws:ResourceAccount": account } };
  const tagged = (kind: "Resource" | "Request") => ({
    StringEquals: { [`aws:${kind}Tag/sst:app`]: app },
    StringLike: { [`aws:${kind}Tag/sst:stage`]: stage },
  });
  const admin = of(
    "cognito-idp",
    ...["AdminCreateUser", "AdminSetUserPassword", "AdminInitiateAuth", "AdminDeleteUser"],
  );
  return {
    Version: "2012-10-17",
    Statement: [
      allow("SstBootstrap", of("ssm", "GetParameter"), [arn("ssm", "parameter/sst/bootstrap")]),
      allow("SstPassphrase", of("ssm", "GetParameter", "PutParameter"), names.passphrases),
      // Without the right to list, S3 answers for an object that is not there as for one that is forbidden.
      allow(
        "SstBuckets",
        of("s3", "ListBucket"),
        ["arn:aws:s3:::sst-state-*", "arn:aws:s3:::sst-asset-*"],
        ownBucket,
      ),
      allow("SstState", of("s3", "GetObject", "PutObject", "DeleteObject"), names.state, ownBucket),
      allow(
        "SstFallbackSecrets",
        of("s3", "GetObject"),
        [`arn:aws:s3:::sst-state-*/secret/${app}/_fallback.json`],
        ownBucket,
      ),
      allow(
        "SstAssets",
        of(
          "s3",
          ...["GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"],
          ...["GetObjectTagging", "PutObjectTagging", "GetObjectVersion"],
        ),
        ["arn:aws:s3:::sst-asset-*/assets/*", ...names.sourcemaps],
        ownBucket,
      ),
      allow(
        "Tables",
        of(
          "dynamodb",
          ...["CreateTable", "DescribeTable", "UpdateTable", "DeleteTable", "GetItem"],
          ...[
            "DescribeTimeToLive",
            "UpdateTimeToLive",
            "DescribeContinuousBackups",
            "UpdateContinuousBackups",
          ],
          ...["ListTagsOfResource", "TagResource", "UntagResource"],
        ),
        names.tables,
      ),
      allow(
        "Functions",
        of(
          "lambda",
          ...["CreateFunction", "DeleteFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"],
          ...["GetFunction", "GetFunctionConfiguration", "GetFunctionCodeSigningConfig"],
          ...["ListVersionsByFunction", "GetPolicy", "AddPermission", "RemovePermission"],
          ...["ListTags", "TagResource", "UntagResource"],
        ),
        names.functions,
      ),
      allow(
        "StreamMappings",
        of("lambda", "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"),
        ["*"],
        { ArnLike: { "lambda:FunctionArn": names.functions } },
      ),
      allow("StreamMappingTags", of("lambda", "ListTags", "TagResource", "UntagResource"), [
        arn("lambda", "event-source-mapping:*"),
      ]),
      allow(
        "ReadAll",
        [
          ...of("lambda", "GetEventSourceMapping", "ListEventSourceMappings"),
          ...of("ec2", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
          ...of("logs", "DescribeLogGroups", "DescribeQueryDefinitions"),
          ...of("cloudwatch", "DescribeAlarms"),
          ...of("sns", "GetSubscriptionAttributes"),
        ],
        ["*"],
      ),
      // These know no names: the worst that can come of them is a saved query or a subscription that is gone.
      allow(
        "Nameless",
        [...of("logs", "PutQueryDefinition", "DeleteQueryDefinition"), ...of("sns", "Unsubscribe")],
        ["*"],
      ),
      allow(
        "LogGroups",
        of(
          "logs",
          ...["CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy"],
          ...["ListTagsForResource", "TagResource", "UntagResource", "FilterLogEvents"],
        ),
        names.logGroups,
      ),
      allow(
        "Roles",
        of(
          "iam",
          ...["GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies"],
          ...["ListInstanceProfilesForRole", "DeleteRole", "UpdateRole", "UpdateAssumeRolePolicy"],
          ...["TagRole", "UntagRole"],
        ),
        names.roles,
      ),
      // Nothing attaches one of AWS's own policies: the functions' roles have none.
      allow(
        "RoleRights",
        of(
          "iam",
          "CreateRole",
          "PutRolePolicy",
          "DeleteRolePolicy",
          ...(bounds ? ["PutRolePermissionsBoundary"] : []),
        ),
        names.roles,
        bounds && { StringEquals: { "iam:PermissionsBoundary": policyArn(account, bounds.boundary) } },
      ),
      allow("RolesForFunctions", of("iam", "PassRole"), names.roles, {
        StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" },
      }),
      allow(
        "Apis",
        of("apigateway", ...["GET", "POST", "PUT", "PATCH", "DELETE", "TagResource", "UntagResource"]),
        gateway(
          "/apis",
          "/apis/*",
          "/tags/*",
          ...(domain ? ["/domainnames", `/domainnames/${domain}`, `/domainnames/${domain}/*`] : []),
        ),
      ),
      allow("ApiLogs", of("apigateway", "GET"), gateway("/account")),
      // Not TagResource: on every resource, it would let a pipeline make any pool its own by tagging it.
      allow("NewUserPools", of("cognito-idp", "CreateUserPool"), ["*"], tagged("Request")),
      allow(
        "UserPools",
        [
          ...of(
            "cognito-idp",
            ...["DescribeUserPool", "UpdateUserPool", "DeleteUserPool", "AddCustomAttributes"],
            ...[
              "GetUserPoolMfaConfig",
              "SetUserPoolMfaConfig",
              "ListTagsForResource",
              "TagResource",
              "UntagResource",
            ],
            ...[
              "CreateUserPoolClient",
              "DescribeUserPoolClient",
              "UpdateUserPoolClient",
              "DeleteUserPoolClient",
            ],
          ),
          ...admin,
        ],
        [arn("cognito-idp", "userpool/*")],
        tagged("Resource"),
      ),
      ...(userPoolId ? [allow("SharedUserPool", admin, [arn("cognito-idp", `userpool/${userPoolId}`)])] : []),
      allow(
        "Topics",
        of(
          "sns",
          ...["CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", "Subscribe"],
          ...["ListTagsForResource", "TagResource", "UntagResource"],
        ),
        names.topics,
      ),
      allow(
        "Queues",
        of(
          "sqs",
          ...["CreateQueue", "DeleteQueue", "GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes"],
          ...["ListQueueTags", "TagQueue", "UntagQueue"],
        ),
        names.queues,
      ),
      allow(
        "Schedules",
        of(
          "events",
          ...["PutRule", "DescribeRule", "DeleteRule", "PutTargets", "RemoveTargets", "ListTargetsByRule"],
          ...["ListTagsForResource", "TagResource", "UntagResource"],
        ),
        names.rules,
      ),
      allow(
        "Monitoring",
        of(
          "cloudwatch",
          ...["PutMetricAlarm", "DeleteAlarms", "PutDashboard", "GetDashboard", "DeleteDashboards"],
          ...["ListTagsForResource", "TagResource", "UntagResource"],
        ),
        [...names.alarms, ...names.dashboards],
      ),
      allow(
        "Budgets",
        of("budgets", "ViewBudget", "ModifyBudget", "ListTagsForResource", "TagResource", "UntagResource"),
        names.budgets,
      ),
      // A stage with `github` looks for the provider that another one made.
      allow("TrustInGitHub", of("iam", "GetOpenIDConnectProvider"), [
        `arn:aws:iam::${account}:oidc-provider/${githubIssuer}`,
      ]),
      ...(domain ? domainStatements(domain, arn) : []),
      ...(isFirst ? firstStatements(deployer, arn, gateway) : []),
      ...(bounds ? pipelineStatements(deployer, bounds) : []),
    ],
  };
};

export const policyArn = (account: string, name: string): string => `arn:aws:iam::${account}:policy/${name}`;

type Arn = (service: string, resource: string) => string;

const domainStatements = (domain: string, arn: Arn): readonly Statement[] => [
  allow(
    "Certificates",
    of(
      "acm",
      ...["RequestCertificate", "DescribeCertificate", "DeleteCertificate", "ListTagsForCertificate"],
      ...["AddTagsToCertificate", "RemoveTagsFromCertificate"],
    ),
    [arn("acm", "certificate/*")],
  ),
  allow(
    "Zones",
    of(
      "route53",
      "ListHostedZones",
      "ListHostedZonesByName",
      "GetHostedZone",
      "ListResourceRecordSets",
      "GetChange",
      "ListTagsForResource",
    ),
    ["*"],
  ),
  allow("Records", of("route53", "ChangeResourceRecordSets"), ["arn:aws:route53:::hostedzone/*"], {
    "ForAllValues:StringLike": {
      "route53:ChangeResourceRecordSetsNormalizedRecordNames": [domain, `*.${domain}`],
    },
  }),
];

/** SST makes its buckets once in an account and region, and a role for API Gateway's logs where the account has none. */
const firstStatements = (
  { account }: Deployer,
  arn: Arn,
  gateway: (...paths: readonly string[]) => string[],
): readonly Statement[] => {
  const logsRole = [`arn:aws:iam::${account}:role/APIGatewayPushToCloudWatchLogsRole-*`];
  return [
    allow(
      "FirstBuckets",
      of("s3", "CreateBucket", "PutBucketVersioning", "PutBucketNotification", "PutBucketPolicy"),
      ["arn:aws:s3:::sst-state-*", "arn:aws:s3:::sst-asset-*"],
    ),
    allow("FirstRepository", of("ecr", "CreateRepository", "DescribeRepositories"), [
      arn("ecr", "repository/sst-asset"),
    ]),
    allow("FirstParameters", of("ssm", "GetParameter", "PutParameter"), [
      arn("ssm", "parameter/sst/bootstrap"),
      arn("ssm", "parameter/sst/bootstrap/asset"),
    ]),
    allow(
      "FirstLogsRole",
      of("iam", ...["CreateRole", "GetRole", "TagRole", "ListRolePolicies", "ListAttachedRolePolicies"]),
      logsRole,
    ),
    allow("FirstLogsRolePolicy", of("iam", "AttachRolePolicy"), logsRole, {
      ArnEquals: {
        "iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
      },
    }),
    allow("FirstLogsRolePass", of("iam", "PassRole"), logsRole, {
      StringEquals: { "iam:PassedToService": "apigateway.amazonaws.com" },
    }),
    allow("FirstLogsAccount", of("apigateway", "PATCH"), gateway("/account")),
    allow("FirstDomain", of("iam", "CreateServiceLinkedRole"), [
      `arn:aws:iam::${account}:role/aws-service-role/ops.apigateway.amazonaws.com/*`,
    ]),
  ];
};

/** What a pipeline must never touch: also not the roles that bind itself. */
const pipelineStatements = (
  { stage, account, region }: Deployer,
  { never }: Bounds,
): readonly Statement[] => {
  // What is called lectern-prod-west-… would be prod's by a pattern.
  const told = never.filter((other) => !stage.startsWith(`${other}-`));
  return [
    {
      Sid: "NeverByName",
      Effect: "Deny",
      Action: ["*"],
      Resource: [
        ...told.flatMap((other) => Object.values(namesOf({ stage: other, account, region })).flat()),
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

/** Who signs the tokens of GitHub's workflows. */
export const githubIssuer = "token.actions.githubusercontent.com";

/**
 * The most that the functions' roles of these stages can be given, whatever their own policies say: so that whoever may
 * write such a policy gains nothing by it.
 */
export const functionBoundary = (
  where: Pick<Deployer, "stage" | "account" | "region">,
  inVpc: boolean,
): Policy => {
  const { tables, logGroups, queues } = namesOf(where);
  const { account, region } = where;
  return {
    Version: "2012-10-17",
    Statement: [
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
      // An API's id says nothing of its stage.
      allow("Sockets", of("execute-api", "ManageConnections"), [
        `arn:aws:execute-api:${region}:${account}:*/prod/*/@connections/*`,
      ]),
      ...(inVpc ? [allow("NetworkInterfaces", networkInterfaces, ["*"])] : []),
    ],
  };
};

const networkInterfaces = of(
  "ec2",
  ...["CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface", "DescribeSubnets"],
  ...["AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"],
);

/** The most characters of a policy that IAM manages; white space is not counted. */
const longest = 6_144;

/**
 * The same rights in as many policies as IAM needs for them, which takes ten on one role; statements stay whole and in
 * their order.
 */
export const inParts = ({ Version, Statement }: Policy): readonly Policy[] => {
  const parts: Statement[][] = [[]];
  for (const statement of Statement) {
    const last = parts.at(-1) ?? [];
    if (lengthOf({ Version, Statement: [...last, statement] }) <= longest) last.push(statement);
    else parts.push([statement]);
  }
  return parts.map((statements) => ({ Version, Statement: statements }));
};

const lengthOf = (policy: Policy): number => JSON.stringify(policy).length;
