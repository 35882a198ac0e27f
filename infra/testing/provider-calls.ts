import type { Graph, Resource } from "offline-aws";
import { of } from "../iam/policy";
import { types } from "./graph";
import { account, arn, type Call, gateway, region } from "./iam";

interface Need {
  readonly actions: readonly string[];
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
}

const crud = of("apigateway", "GET", "POST", "PATCH", "DELETE");
const tagging = ["TagResource", "UntagResource", "ListTagsForResource"];

/** The calls by which Pulumi's AWS provider creates, reads, updates, tags and deletes a resource, by its type. */
const needsOf: Record<string, (resource: Resource, tags: Record<string, string>) => readonly Need[]> = {
  [types.table]: ({ inputs }) => [
    {
      actions: of(
        "dynamodb",
        ...["CreateTable", "DescribeTable", "UpdateTable", "DeleteTable"],
        ...["DescribeTimeToLive", "UpdateTimeToLive", "DescribeContinuousBackups", "UpdateContinuousBackups"],
        ...["TagResource", "UntagResource", "ListTagsOfResource"],
      ),
      resource: arn("dynamodb", `table/${inputs.name}`),
    },
  ],
  [types.lambda]: ({ inputs }) => [
    {
      actions: of(
        "lambda",
        ...["CreateFunction", "GetFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"],
        ...["DeleteFunction", "ListVersionsByFunction", "GetFunctionCodeSigningConfig"],
        ...["TagResource", "UntagResource", "ListTags"],
      ),
      resource: arn("lambda", `function:${inputs.name}`),
    },
    {
      actions: ["iam:PassRole"],
      resource: String(inputs.role),
      context: { "iam:PassedToService": "lambda.amazonaws.com" },
    },
  ],
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ({ inputs }) => [
    {
      actions: of(
        "lambda",
        ...["Put", "Get", "Update", "Delete"].map((verb) => `${verb}FunctionEventInvokeConfig`),
      ),
      resource: arn("lambda", `function:${inputs.functionName}`),
    },
  ],
  "aws:lambda/alias:Alias": ({ inputs }) => [
    {
      actions: of("lambda", ...["Create", "Get", "Update", "Delete"].map((verb) => `${verb}Alias`)),
      resource: arn("lambda", `function:${inputs.functionName}`),
    },
  ],
  "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": ({ inputs }) => [
    {
      actions: of("lambda", ...["Put", "Get", "Delete"].map((verb) => `${verb}ProvisionedConcurrencyConfig`)),
      resource: arn("lambda", `function:${inputs.functionName}:${inputs.qualifier}`),
    },
  ],
  "aws:lambda/permission:Permission": ({ inputs }) => [
    {
      actions: of("lambda", "AddPermission", "GetPolicy", "RemovePermission"),
      resource: [
        String(inputs.function).startsWith("arn:")
          ? inputs.function
          : arn("lambda", `function:${inputs.function}`),
        ...(inputs.qualifier ? [inputs.qualifier] : []),
      ].join(":"),
    },
  ],
  [types.mapping]: ({ inputs }, context) => {
    const resource = arn("lambda", "event-source-mapping:91eaeb7e-c976-1234-9451-8709db01f137");
    return [
      {
        actions: of("lambda", ...["Create", "Update", "Delete"].map((verb) => `${verb}EventSourceMapping`)),
        resource,
        context: {
          "lambda:FunctionArn": String(inputs.functionName).startsWith("arn:")
            ? String(inputs.functionName)
            : arn("lambda", `function:${inputs.functionName}`),
        },
      },
      { actions: ["lambda:GetEventSourceMapping"], resource },
      { actions: of("lambda", "TagResource", "UntagResource", "ListTags"), resource, context },
    ];
  },
  [types.logGroup]: ({ inputs }) => [
    {
      actions: of("logs", "CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", ...tagging),
      resource: arn("logs", `log-group:${inputs.name}`),
    },
    { actions: ["logs:DescribeLogGroups"], resource: arn("logs", "log-group::log-stream:") },
  ],
  [types.role]: ({ inputs }) => {
    const resource = `arn:aws:iam::${account}:role/${inputs.name}`;
    const context = inputs.permissionsBoundary
      ? { "iam:PermissionsBoundary": String(inputs.permissionsBoundary) }
      : {};
    return [
      { actions: of("iam", "CreateRole", "PutRolePolicy", "DeleteRolePolicy"), resource, context },
      {
        actions: of(
          "iam",
          ...["GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies"],
          ...["ListInstanceProfilesForRole", "UpdateAssumeRolePolicy", "UpdateRole", "DeleteRole"],
          ...["TagRole", "UntagRole"],
        ),
        resource,
      },
    ];
  },
  [types.api]: ({ id }, context) => [
    { actions: crud, resource: gateway("/apis") },
    { actions: crud, resource: gateway(`/apis/${id}`), context },
    {
      actions: of("apigateway", "GET", "PUT", "POST", "DELETE", "TagResource", "UntagResource"),
      resource: gateway(`/tags/arn%3Aaws%3Aapigateway%3A${region}%3A%3A%2Fapis%2F${id}`),
      context,
    },
  ],
  [types.stage]: ({ inputs }, context) => [
    { actions: crud, resource: gateway(`/apis/${inputs.apiId}/stages/${inputs.name}`), context },
  ],
  ...Object.fromEntries(
    ["route", "integration", "authorizer", "routeResponse"].map((child) => [
      `aws:apigatewayv2/${child}:${child.replace(/^./, (first) => first.toUpperCase())}`,
      ({ inputs, id }: Resource) => [
        { actions: crud, resource: gateway(`/apis/${inputs.apiId}/${child}s/${id}`) },
      ],
    ]),
  ),
  "aws:apigatewayv2/domainName:DomainName": ({ inputs }, context) => [
    { actions: crud, resource: gateway("/domainnames") },
    { actions: crud, resource: gateway(`/domainnames/${inputs.domainName}`), context },
  ],
  "aws:apigatewayv2/apiMapping:ApiMapping": ({ inputs }, context) => [
    { actions: crud, resource: gateway(`/domainnames/${inputs.domainName}/apimappings/abc`), context },
  ],
  "aws:apigateway/account:Account": ({ inputs }) => [
    {
      actions: inputs.cloudwatchRoleArn ? of("apigateway", "GET", "PATCH") : ["apigateway:GET"],
      resource: gateway("/account"),
    },
  ],
  [types.pool]: ({ id }, context) => [
    {
      actions: of("cognito-idp", "CreateUserPool"),
      resource: "*",
      context: Object.fromEntries(
        Object.entries(context).map(([key, value]) => [key.replace("Resource", "Request"), value]),
      ),
    },
    {
      actions: of(
        "cognito-idp",
        ...["DescribeUserPool", "UpdateUserPool", "DeleteUserPool", "GetUserPoolMfaConfig"],
        ...["SetUserPoolMfaConfig", ...tagging],
        // The user that the verification creates.
        ...["AdminCreateUser", "AdminSetUserPassword", "AdminInitiateAuth", "AdminDeleteUser"],
      ),
      resource: arn("cognito-idp", `userpool/${id}`),
      context,
    },
  ],
  [types.poolClient]: ({ inputs }, context) => [
    {
      actions: of(
        "cognito-idp",
        ...["Create", "Describe", "Update", "Delete"].map((verb) => `${verb}UserPoolClient`),
      ),
      resource: arn("cognito-idp", `userpool/${inputs.userPoolId}`),
      context,
    },
  ],
  [types.topic]: ({ inputs }) => [
    {
      actions: of(
        "sns",
        "CreateTopic",
        "GetTopicAttributes",
        "SetTopicAttributes",
        "DeleteTopic",
        ...tagging,
      ),
      resource: arn("sns", String(inputs.name)),
    },
  ],
  [types.subscription]: ({ inputs }) => [
    { actions: ["sns:Subscribe"], resource: String(inputs.topic) },
    { actions: of("sns", "GetSubscriptionAttributes", "Unsubscribe"), resource: `${inputs.topic}:1` },
  ],
  [types.queue]: ({ inputs }) => [
    {
      actions: of(
        "sqs",
        ...["CreateQueue", "DeleteQueue", "GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes"],
        ...["ListQueueTags", "TagQueue", "UntagQueue"],
      ),
      resource: arn("sqs", String(inputs.name)),
    },
  ],
  "aws:cloudwatch/eventRule:EventRule": ({ inputs }) => [
    {
      actions: of("events", "PutRule", "DescribeRule", "DeleteRule", ...tagging),
      resource: arn("events", `rule/${inputs.name}`),
    },
  ],
  "aws:cloudwatch/eventTarget:EventTarget": ({ inputs }) => [
    {
      actions: of("events", "PutTargets", "ListTargetsByRule", "RemoveTargets"),
      resource: arn("events", `rule/${inputs.rule}`),
    },
  ],
  [types.alarm]: ({ inputs }) => [
    {
      actions: of("cloudwatch", "PutMetricAlarm", "DescribeAlarms", "DeleteAlarms", ...tagging),
      resource: arn("cloudwatch", `alarm:${inputs.name}`),
    },
  ],
  [types.dashboard]: ({ inputs }) => [
    {
      actions: of("cloudwatch", "PutDashboard", "GetDashboard", "DeleteDashboards"),
      resource: `arn:aws:cloudwatch::${account}:dashboard/${inputs.dashboardName}`,
    },
  ],
  [types.query]: () => [
    {
      actions: of("logs", "PutQueryDefinition", "DescribeQueryDefinitions", "DeleteQueryDefinition"),
      resource: "*",
    },
  ],
  [types.budget]: ({ inputs }) => [
    {
      actions: of("budgets", "ViewBudget", "ModifyBudget", ...tagging),
      resource: `arn:aws:budgets::${account}:budget/${inputs.name}`,
    },
  ],
  "aws:s3/bucketObjectv2:BucketObjectv2": ({ inputs }) => [
    {
      actions: of("s3", "GetObject", "PutObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"),
      resource: `arn:aws:s3:::sst-asset-abcdefghijkl/${inputs.key}`,
      context: { "aws:ResourceAccount": account },
    },
  ],
  "aws:acm/certificate:Certificate": () => [
    { actions: ["acm:RequestCertificate"], resource: arn("acm", "certificate/1") },
    {
      actions: of(
        "acm",
        ...["DescribeCertificate", "DeleteCertificate"],
        ...["ListTagsForCertificate", "AddTagsToCertificate", "RemoveTagsFromCertificate"],
      ),
      resource: arn("acm", "certificate/1"),
    },
  ],
  "aws:acm/certificateValidation:CertificateValidation": () => [
    { actions: ["acm:DescribeCertificate"], resource: arn("acm", "certificate/1") },
  ],
  "aws:route53/record:Record": ({ inputs }) => [
    {
      actions: ["route53:ChangeResourceRecordSets"],
      resource: "arn:aws:route53:::hostedzone/Z1",
      context: {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": String(inputs.name).replace(/\.$/, ""),
      },
    },
    {
      actions: of("route53", "ListResourceRecordSets", "GetHostedZone"),
      resource: "arn:aws:route53:::hostedzone/Z1",
    },
    { actions: ["route53:GetChange"], resource: "arn:aws:route53:::change/C1" },
  ],
  // SST looks up the zone of the domain.
  "pulumi-nodejs:dynamic:Resource": () => [{ actions: ["route53:ListHostedZones"], resource: "*" }],
};

/** True for what exists only inside the program, such as SST's components. */
const isOfNoService = ({ type }: Resource) => /^(sst|random|pulumi):/.test(type);

/** True for API Gateway's role for logs and its setting, which an account has once in a region. */
export const isOfFirstDeployment = ({ type, name, inputs }: Resource) =>
  name.startsWith("APIGatewayPushToCloudWatchLogs") ||
  (type === "aws:apigateway/account:Account" && inputs.cloudwatchRoleArn !== undefined);

/** True for the roles and policies that limit the pipelines. An administrator deploys these. */
const isOfPipelines = ({ type, inputs }: Resource) =>
  type.startsWith("aws:iam/openIdConnectProvider:") ||
  /^lectern-(deploy|boundary)-/.test(String(inputs.name));

/** The calls that the resources need. */
export const callsOf = (graph: Graph, resources = graph.resources): readonly (Call & { type: string })[] => {
  const tags = { "aws:ResourceTag/sst:app": "lectern", "aws:ResourceTag/sst:stage": graph.app.stage };
  return resources.flatMap((resource) => {
    const needs = needsOf[resource.type];
    if (!needs) throw new Error(`No calls are listed for ${resource.type}: add them to needsOf.`);
    return needs(resource, tags).flatMap(({ actions, resource: on, context = {} }) =>
      actions.map((action) => ({ type: resource.type, action, resource: on, context })),
    );
  });
};

/** The resources that every later deployment has, too. */
export const deployed = (graph: Graph) =>
  graph.resources.filter(
    (resource) => !isOfNoService(resource) && !isOfFirstDeployment(resource) && !isOfPipelines(resource),
  );
