import { type Graph, ofType, type Resource } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { type Deployer, deployerPolicy, functionBoundary, inParts, type Policy } from "./deployer";
import { graphOf, types } from "./testing";

const account = "000000000000";
const region = "us-east-1";

/** One call of AWS's, and what IAM knows of it beside its name and resource. */
interface Call {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

const matches = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  ).test(value);

const operators: Record<string, (pattern: string, value: string) => boolean> = {
  StringEquals: (pattern, value) => pattern === value,
  StringLike: matches,
  ArnLike: matches,
  ArnEquals: matches,
  "ForAllValues:StringLike": matches,
};

/** As IAM decides: one statement has to allow it, none may deny it, and a key that is not there meets no condition. */
const isAllowed = ({ Statement }: Policy, { action, resource, context }: Call): boolean => {
  const effects = Statement.filter(
    ({ Action, Resource, Condition = {} }) =>
      Action.some((pattern) => matches(pattern, action)) &&
      Resource.some((pattern) => matches(pattern, resource)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, expected]) => {
          const value = context[key];
          const holds = operators[operator];
          if (!holds) throw new Error(`This test knows no operator ${operator}.`);
          return value !== undefined && [expected].flat().some((pattern) => holds(pattern, value));
        }),
      ),
  ).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
};

const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
const gateway = (path: string) => `arn:aws:apigateway:${region}::${path}`;
const of = (service: string, ...actions: string[]) => actions.map((action) => `${service}:${action}`);

interface Need {
  readonly actions: readonly string[];
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
}

const crud = of("apigateway", "GET", "POST", "PATCH", "DELETE");
const tagging = ["TagResource", "UntagResource", "ListTagsForResource"];

/**
 * What Pulumi's AWS provider calls to make, read, change, tag and remove each type of resource. API Gateway's children
 * bear no tags, and neither do those that AWS has no tags for.
 */
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
  "aws:lambda/permission:Permission": ({ inputs }) => [
    {
      actions: of("lambda", "AddPermission", "GetPolicy", "RemovePermission"),
      resource: String(inputs.function).startsWith("arn:")
        ? String(inputs.function)
        : arn("lambda", `function:${inputs.function}`),
    },
  ],
  [types.mapping]: ({ inputs }, context) => {
    const resource = arn("lambda", "event-source-mapping:91eaeb7e-c976-1234-9451-8709db01f137");
    return [
      {
        actions: of("lambda", ...["Create", "Update", "Delete"].map((verb) => `${verb}EventSourceMapping`)),
        resource,
        context: { "lambda:FunctionArn": arn("lambda", `function:${inputs.functionName}`) },
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
        // The verification's own user.
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
  // SST's look-up of the zone that a domain belongs to.
  "pulumi-nodejs:dynamic:Resource": () => [{ actions: ["route53:ListHostedZones"], resource: "*" }],
};

/** Calls nobody: they are SST's and Pulumi's own, inside the program. */
const isOfNoService = ({ type }: Resource) => /^(sst|random|pulumi):/.test(type);

/** API Gateway's role for logs, and its setting: made once in an account and region. */
const isOfFirstDeployment = ({ type, name, inputs }: Resource) =>
  name.startsWith("APIGatewayPushToCloudWatchLogs") ||
  (type === "aws:apigateway/account:Account" && inputs.cloudwatchRoleArn !== undefined);

/** Made by an administrator: what binds the pipelines. */
const isOfPipelines = ({ type, inputs }: Resource) =>
  type.startsWith("aws:iam/openIdConnectProvider:") ||
  /^lectern-(deploy|boundary)-/.test(String(inputs.name));

const callsOf = (graph: Graph, resources = graph.resources): readonly (Call & { type: string })[] => {
  const tags = { "aws:ResourceTag/sst:app": "lectern", "aws:ResourceTag/sst:stage": graph.app.stage };
  return resources.flatMap((resource) => {
    const needs = needsOf[resource.type];
    if (!needs)
      throw new Error(`This test does not know what ${resource.type} needs: name it, and its rights.`);
    return needs(resource, tags).flatMap(({ actions, resource: on, context = {} }) =>
      actions.map((action) => ({ type: resource.type, action, resource: on, context })),
    );
  });
};

const deployed = (graph: Graph) =>
  graph.resources.filter(
    (resource) => !isOfNoService(resource) && !isOfFirstDeployment(resource) && !isOfPipelines(resource),
  );

const refused = (policy: Policy, calls: readonly Call[]) =>
  calls.filter((call) => !isAllowed(policy, call)).map(({ action, resource }) => `${action} on ${resource}`);

const everything = {
  domain: "live.example.com",
  alarmEmail: "ops@example.com",
  monthlyBudget: "55",
  vpc: '{"privateSubnets":["subnet-1"],"securityGroups":["sg-1"]}',
  isBounded: "true",
};

const pipeline = (stage: string, environment: string, more: Partial<Deployer> = {}): Policy =>
  deployerPolicy({
    stage,
    account,
    region,
    bounds: { boundary: `lectern-boundary-${environment}`, never: environment === "prod" ? [] : ["prod"] },
    ...more,
  });

const { domain } = everything;

describe.each([
  { stage: "prod", policy: pipeline("prod", "prod", { domain }) },
  { stage: "staging", policy: pipeline("staging", "staging", { domain }) },
  { stage: "prod-west", policy: pipeline("prod-west", "prod-west", { domain }) },
  { stage: "pr-7", policy: pipeline("pr-*", "preview", { domain }) },
])("the policy for deploying $stage", ({ stage, policy }) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf(stage, everything);
  });

  test("allows everything that making, reading, changing and removing each of its resources needs", () => {
    const calls = callsOf(graph, deployed(graph));
    expect(calls.length).toBeGreaterThan(400);
    expect(refused(policy, calls)).toEqual([]);
  });

  test("allows SST to read where it keeps its state, and to keep it", () => {
    const own = { "aws:ResourceAccount": account };
    const calls = [
      ...["app", "lock", "secret"].map((kind) => `${kind}/lectern/${stage}.json`),
      ...["update", "snapshot", "eventlog", "summary"].map((kind) => `${kind}/lectern/${stage}/1.json`),
    ].flatMap((key) =>
      of("s3", "GetObject", "PutObject", "DeleteObject").map((action) => ({
        action,
        resource: `arn:aws:s3:::sst-state-abcdefghijkl/${key}`,
        context: own,
      })),
    );
    const passphrase = arn("ssm", `parameter/sst/passphrase/lectern/${stage}`);
    expect(
      refused(policy, [
        ...calls,
        { action: "s3:ListBucket", resource: "arn:aws:s3:::sst-state-abcdefghijkl", context: own },
        { action: "ssm:GetParameter", resource: arn("ssm", "parameter/sst/bootstrap"), context: {} },
        { action: "ssm:GetParameter", resource: passphrase, context: {} },
        { action: "ssm:PutParameter", resource: passphrase, context: {} },
      ]),
    ).toEqual([]);
  });

  test("allows the verification to look at rows, streams and logs", () => {
    expect(
      refused(policy, [
        { action: "dynamodb:GetItem", resource: arn("dynamodb", `table/Connections-${stage}`), context: {} },
        {
          action: "dynamodb:DescribeTable",
          resource: arn("dynamodb", `table/Sessions-${stage}`),
          context: {},
        },
        { action: "lambda:ListEventSourceMappings", resource: "*", context: {} },
        {
          action: "lambda:GetFunctionConfiguration",
          resource: arn("lambda", `function:session-welcome-${stage}`),
          context: {},
        },
        {
          action: "logs:FilterLogEvents",
          resource: arn("logs", `log-group:/aws/lambda/session-welcome-${stage}:*`),
          context: {},
        },
      ]),
    ).toEqual([]);
  });

  test("refuses to change what binds it, to attach AWS's policies, and to make a role without its boundary", () => {
    const role = `arn:aws:iam::${account}:role/lectern-${stage}-EvilRole-abc`;
    const unbounded = { "iam:PermissionsBoundary": `arn:aws:iam::aws:policy/AdministratorAccess` };
    const calls = [
      ...of("iam", "PutRolePolicy", "UpdateAssumeRolePolicy", "GetRole").flatMap((action) =>
        ["staging", "preview", "prod"].map((environment) => ({
          action,
          resource: `arn:aws:iam::${account}:role/lectern-deploy-${environment}`,
          context: {},
        })),
      ),
      ...of("iam", "CreatePolicyVersion", "DeletePolicy").flatMap((action) =>
        ["boundary-staging", "boundary-preview", "deploy-prod-1"].map((name) => ({
          action,
          resource: `arn:aws:iam::${account}:policy/lectern-${name}`,
          context: {},
        })),
      ),
      { action: "iam:CreateRole", resource: role, context: {} },
      { action: "iam:CreateRole", resource: role, context: unbounded },
      { action: "iam:PutRolePolicy", resource: role, context: {} },
      { action: "iam:PutRolePermissionsBoundary", resource: role, context: unbounded },
      { action: "iam:DeleteRolePermissionsBoundary", resource: role, context: {} },
      { action: "iam:AttachRolePolicy", resource: role, context: {} },
      { action: "iam:PassRole", resource: role, context: { "iam:PassedToService": "ec2.amazonaws.com" } },
      { action: "iam:CreateUser", resource: `arn:aws:iam::${account}:user/evil`, context: {} },
      { action: "sts:AssumeRole", resource: `arn:aws:iam::${account}:role/admin`, context: {} },
    ];
    expect(refused(policy, calls)).toHaveLength(calls.length);
  });

  test("fits into policies that IAM takes, ten at most on a role, with nothing lost", () => {
    const parts = inParts(policy);
    expect(parts.length).toBeLessThanOrEqual(10);
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThanOrEqual(6_144);
    expect(parts.flatMap(({ Statement }) => Statement)).toEqual(policy.Statement);
  });
});

describe("a pipeline that is not prod's", () => {
  /** What AWS names by ids that it makes up, or not at all, in one account and region for every stage. */
  const nameless = [
    "aws:apigateway/account:Account",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/routeResponse:RouteResponse",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
    "aws:s3/bucketObjectv2:BucketObjectv2",
  ];
  const reading = /:(Describe|Get|List)|:GET$/;

  test.each([
    ["preview", pipeline("pr-*", "preview")],
    ["staging", pipeline("staging", "staging")],
  ])("%s: changes nothing of prod's that has a name or a tag", async (_, policy) => {
    const graph = await graphOf("prod", everything);
    const changes = callsOf(graph, deployed(graph)).filter(({ action }) => !reading.test(action));
    const possible = changes
      .filter((call) => isAllowed(policy, call))
      // Making an API of one's own; leaving a subscription by its id.
      .filter(({ action, resource }) => resource !== gateway("/apis") && action !== "sns:Unsubscribe");
    expect([...new Set(possible.map(({ type }) => type))].filter((type) => !nameless.includes(type))).toEqual(
      [],
    );
  });

  test.each([
    ["preview", pipeline("pr-*", "preview")],
    ["staging", pipeline("staging", "staging")],
  ])("%s: reads neither prod's rows, nor its logs, nor its state", (_, policy) => {
    const own = { "aws:ResourceAccount": account };
    const calls = [
      { action: "dynamodb:GetItem", resource: arn("dynamodb", "table/Sessions-prod"), context: {} },
      {
        action: "logs:FilterLogEvents",
        resource: arn("logs", "log-group:/aws/lambda/session-welcome-prod:*"),
        context: {},
      },
      { action: "s3:GetObject", resource: "arn:aws:s3:::sst-state-abc/app/lectern/prod.json", context: own },
      { action: "s3:PutObject", resource: "arn:aws:s3:::sst-state-abc/lock/lectern/prod.json", context: own },
      {
        action: "ssm:GetParameter",
        resource: arn("ssm", "parameter/sst/passphrase/lectern/prod"),
        context: {},
      },
    ];
    expect(refused(policy, calls)).toHaveLength(calls.length);
  });

  test("preview makes no pool its own by tagging it", () => {
    const requested = { "aws:RequestTag/sst:app": "lectern", "aws:RequestTag/sst:stage": "pr-7" };
    const pools = [
      {},
      { "aws:ResourceTag/sst:app": "lectern", "aws:ResourceTag/sst:stage": "staging" },
      { "aws:ResourceTag/sst:app": "another", "aws:ResourceTag/sst:stage": "pr-7" },
    ];
    const calls = pools.map((tags) => ({
      action: "cognito-idp:TagResource",
      resource: arn("cognito-idp", "userpool/us-east-1_Abc"),
      context: { ...requested, ...tags },
    }));
    expect(refused(pipeline("pr-*", "preview"), calls)).toHaveLength(calls.length);
  });

  test("preview reaches no stage that is not a pull request's", async () => {
    const policy = pipeline("pr-*", "preview");
    for (const stage of ["staging", "alice"]) {
      const graph = await graphOf(stage, { isBounded: "true" });
      const tables = callsOf(graph, [...ofType(graph, types.table), ...ofType(graph, types.lambda)]);
      expect(refused(policy, tables)).toHaveLength(tables.length);
    }
  });
});

describe("the first deployment into an account", () => {
  const first = deployerPolicy({ stage: "prod", account, region, isFirst: true });

  test("may also make SST's buckets, and the role of API Gateway's logs with AWS's policy for it", async () => {
    const graph = await graphOf("prod");
    const role = `arn:aws:iam::${account}:role/APIGatewayPushToCloudWatchLogsRole-1a2b3c4`;
    const [attached] = graph.resources
      .filter(isOfFirstDeployment)
      .flatMap(({ inputs }) => inputs.managedPolicyArns);
    expect(
      refused(first, [
        ...of("s3", "CreateBucket", "PutBucketVersioning", "PutBucketPolicy", "PutBucketNotification").map(
          (action) => ({ action, resource: "arn:aws:s3:::sst-asset-abcdefghijkl", context: {} }),
        ),
        { action: "ecr:CreateRepository", resource: arn("ecr", "repository/sst-asset"), context: {} },
        { action: "ssm:PutParameter", resource: arn("ssm", "parameter/sst/bootstrap"), context: {} },
        { action: "iam:CreateRole", resource: role, context: {} },
        { action: "iam:AttachRolePolicy", resource: role, context: { "iam:PolicyARN": String(attached) } },
        {
          action: "iam:PassRole",
          resource: role,
          context: { "iam:PassedToService": "apigateway.amazonaws.com" },
        },
        { action: "apigateway:PATCH", resource: gateway("/account"), context: {} },
      ]),
    ).toEqual([]);
  });

  test("is a person's: no boundary is asked for, and the stage is whole without one", async () => {
    const graph = await graphOf("prod");
    expect(refused(first, callsOf(graph, deployed(graph)))).toEqual([]);
  });

  test("finds GitHub's provider that another stage has made, as a pipeline does", () => {
    const call = {
      action: "iam:GetOpenIDConnectProvider",
      resource: `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com`,
      context: {},
    };
    expect(refused(first, [call])).toEqual([]);
    expect(refused(pipeline("prod", "prod"), [call])).toEqual([]);
  });

  test("is the only one that may: a pipeline finds all that in place", () => {
    const policy = pipeline("prod", "prod");
    expect(
      refused(policy, [
        { action: "s3:CreateBucket", resource: "arn:aws:s3:::sst-asset-abcdefghijkl", context: {} },
        { action: "apigateway:PATCH", resource: gateway("/account"), context: {} },
      ]),
    ).toHaveLength(2);
  });
});

describe("the boundary of the functions' roles", () => {
  test.each([
    ["prod", "prod"],
    ["staging", "staging"],
    ["pr-7", "pr-*"],
  ])("on %s allows what each of them is given", async (stage, pattern) => {
    const graph = await graphOf(stage, everything);
    const boundary = functionBoundary({ stage: pattern, account, region }, true);
    const calls = ofType(graph, types.role)
      .filter(({ inputs }) => String(inputs.name).startsWith(`lectern-${stage}-`))
      .flatMap(({ inputs }) => (inputs.inlinePolicies ?? []) as { policy: string }[])
      .flatMap(({ policy }) => (JSON.parse(policy) as Policy).Statement)
      .flatMap(({ Action, Resource }) =>
        Action.flatMap((action) => Resource.map((resource) => ({ action, resource, context: {} }))),
      );
    expect(calls.length).toBeGreaterThan(30);
    expect(refused(boundary, calls)).toEqual([]);
  });

  test("keeps a preview's role from other stages' rows, from users, and from making roles", () => {
    const boundary = functionBoundary({ stage: "pr-*", account, region }, false);
    const calls = [
      { action: "dynamodb:GetItem", resource: arn("dynamodb", "table/Sessions-prod"), context: {} },
      { action: "dynamodb:DeleteTable", resource: arn("dynamodb", "table/Sessions-pr-7"), context: {} },
      { action: "cognito-idp:AdminCreateUser", resource: arn("cognito-idp", "userpool/x"), context: {} },
      { action: "iam:CreateRole", resource: `arn:aws:iam::${account}:role/lectern-pr-7-x`, context: {} },
      { action: "sts:AssumeRole", resource: `arn:aws:iam::${account}:role/admin`, context: {} },
      { action: "ec2:CreateNetworkInterface", resource: "*", context: {} },
      { action: "ssm:GetParameter", resource: arn("ssm", "parameter/sst/bootstrap"), context: {} },
    ];
    expect(refused(boundary, calls)).toHaveLength(calls.length);
  });
});

test("a stage's name stands for no longer name: prod's pipeline makes no table or function of prod-west", async () => {
  const graph = await graphOf("prod-west", everything);
  const calls = callsOf(graph, [...ofType(graph, types.table), ...ofType(graph, types.lambda)]);
  expect(refused(pipeline("prod", "prod"), calls).filter((call) => !call.startsWith("iam:"))).toHaveLength(
    calls.filter(({ action }) => !action.startsWith("iam:")).length,
  );
});
