import { app, arnIn, gatewayIn, githubProviderArn, namesOf, type Place } from "./names";
import { allow, of, policyArn, type Statement } from "./policy";

/** The tables, functions and log groups of these stages. */
export const storageAndFunctions = (place: Place): readonly Statement[] => {
  const names = namesOf(place);
  const arn = arnIn(place);
  return [
    allow(
      "Tables",
      of(
        "dynamodb",
        ...["CreateTable", "DescribeTable", "UpdateTable", "DeleteTable", "GetItem"],
        ...["DescribeTimeToLive", "UpdateTimeToLive", "DescribeContinuousBackups", "UpdateContinuousBackups"],
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
        ...["PutFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig"],
        ...["UpdateFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"],
        ...["PublishVersion", "CreateAlias", "GetAlias", "UpdateAlias", "DeleteAlias"],
        ...["Put", "Get", "Delete"].map((verb) => `${verb}ProvisionedConcurrencyConfig`),
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
        ...of("lambda", "GetEventSourceMapping", "ListEventSourceMappings", "GetAccountSettings"),
        ...of("ec2", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
        ...of("logs", "DescribeLogGroups", "DescribeQueryDefinitions"),
        ...of("cloudwatch", "DescribeAlarms"),
        ...of("sns", "GetSubscriptionAttributes"),
      ],
      ["*"],
    ),
    // These resources have no names. At worst a saved query or a subscription is lost.
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
  ];
};

/** The functions' roles. With a boundary, the deployer creates no role without it. */
export const roles = (place: Place, boundary?: string): readonly Statement[] => {
  const names = namesOf(place);
  const { account } = place;
  return [
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
    // No right to attach AWS's own policies, because the functions' roles have none.
    allow(
      "RoleRights",
      of(
        "iam",
        "CreateRole",
        "PutRolePolicy",
        "DeleteRolePolicy",
        ...(boundary ? ["PutRolePermissionsBoundary"] : []),
      ),
      names.roles,
      boundary === undefined
        ? undefined
        : { StringEquals: { "iam:PermissionsBoundary": policyArn(account, boundary) } },
    ),
    allow("RolesForFunctions", of("iam", "PassRole"), names.roles, {
      StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" },
    }),
  ];
};

/**
 * The APIs and the user pools. AWS makes up their ids, so no ARN names a stage.
 * Pools are limited by SST's tags. API Gateway's routes and integrations have no tags, so every API of the region is allowed.
 */
export const apisAndPools = (
  place: Place,
  { domain, userPoolId }: { readonly domain?: string | undefined; readonly userPoolId?: string | undefined },
): readonly Statement[] => {
  const { stage } = place;
  const arn = arnIn(place);
  const gateway = gatewayIn(place);
  const tagged = (kind: "Resource" | "Request") => ({
    StringEquals: { [`aws:${kind}Tag/sst:app`]: app },
    StringLike: { [`aws:${kind}Tag/sst:stage`]: stage },
  });
  const admin = of(
    "cognito-idp",
    ...["AdminCreateUser", "AdminSetUserPassword", "AdminInitiateAuth", "AdminDeleteUser"],
  );
  return [
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
    // Not TagResource: with it on every resource, a pipeline could take over any pool by tagging it.
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
  ];
};

/** The topics, queues, schedules, alarms, dashboard and budget of these stages. */
export const monitoring = (place: Place): readonly Statement[] => {
  const names = namesOf(place);
  return [
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
    // A stage with `github` looks up the provider that another stage created.
    allow("TrustInGitHub", of("iam", "GetOpenIDConnectProvider"), [githubProviderArn(place.account)]),
  ];
};

/** The certificate and the records of the stage's domain. */
export const domainStatements = (domain: string, place: Place): readonly Statement[] => [
  allow(
    "Certificates",
    of(
      "acm",
      ...["RequestCertificate", "DescribeCertificate", "DeleteCertificate", "ListTagsForCertificate"],
      ...["AddTagsToCertificate", "RemoveTagsFromCertificate"],
    ),
    [arnIn(place)("acm", "certificate/*")],
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
