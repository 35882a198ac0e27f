import { type Graph, ofType } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { full, graphOf, types } from "../testing/graph";
import { account, arn, gateway, isAllowed, refused, region } from "../testing/iam";
import { callsOf, deployed, isOfFirstDeployment } from "../testing/provider-calls";
import { type Deployer, deployerPolicy } from "./deployer";
import { inParts, of, type Policy } from "./policy";

const pipeline = (stage: string, environment: string, more: Partial<Deployer> = {}): Policy =>
  deployerPolicy({
    stage,
    account,
    region,
    bounds: { boundary: `lectern-boundary-${environment}`, never: environment === "prod" ? [] : ["prod"] },
    ...more,
  });

const { domain } = full;

describe.each([
  { stage: "prod", policy: pipeline("prod", "prod", { domain }) },
  { stage: "staging", policy: pipeline("staging", "staging", { domain }) },
  { stage: "prod-west", policy: pipeline("prod-west", "prod-west", { domain }) },
  { stage: "pr-7", policy: pipeline("pr-*", "preview", { domain }) },
])("the policy for deploying $stage", ({ stage, policy }) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf(stage, full);
  });

  test("allows creating, reading, updating and deleting each resource", () => {
    const calls = callsOf(graph, deployed(graph));
    expect(calls.length).toBeGreaterThan(400);
    expect(refused(policy, calls)).toEqual([]);
  });

  test("allows SST to read and write its state", () => {
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

  test("allows the verification to read rows, streams and logs", () => {
    expect(
      refused(policy, [
        { action: "dynamodb:GetItem", resource: arn("dynamodb", `table/Connections-${stage}`), context: {} },
        {
          action: "dynamodb:DescribeTable",
          resource: arn("dynamodb", `table/Sessions-${stage}`),
          context: {},
        },
        { action: "lambda:ListEventSourceMappings", resource: "*", context: {} },
        { action: "lambda:GetAccountSettings", resource: "*", context: {} },
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

  test("refuses changes to its own limits, AWS's policies, and a role without the boundary", () => {
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

  test("fits into ten policies of IAM's length, with every statement", () => {
    const parts = inParts(policy);
    expect(parts.length).toBeLessThanOrEqual(10);
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThanOrEqual(6_144);
    expect(parts.flatMap(({ Statement }) => Statement)).toEqual(policy.Statement);
  });
});

describe("a pipeline of another stage than prod", () => {
  /** Types whose ids AWS makes up, or that have none: in one account and region, every stage can reach them. */
  const nameless = [
    "aws:apigateway/account:Account",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/routeResponse:RouteResponse",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
  ];
  const reading = /:(Describe|Get|List)|:GET$/;

  test.each([
    ["preview", pipeline("pr-*", "preview")],
    ["staging", pipeline("staging", "staging")],
  ])("%s: changes no resource of prod that has a name or a tag", async (_, policy) => {
    const graph = await graphOf("prod", full);
    const changes = callsOf(graph, deployed(graph)).filter(({ action }) => !reading.test(action));
    const possible = changes
      .filter((call) => isAllowed(policy, call))
      // The pipeline may create its own API, and may cancel a subscription by its id.
      .filter(({ action, resource }) => resource !== gateway("/apis") && action !== "sns:Unsubscribe");
    expect([...new Set(possible.map(({ type }) => type))].filter((type) => !nameless.includes(type))).toEqual(
      [],
    );
  });

  test.each([
    ["preview", pipeline("pr-*", "preview")],
    ["staging", pipeline("staging", "staging")],
  ])("%s: reads no rows, logs or state of prod", (_, policy) => {
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

  test.each([
    ["preview", "lectern/staging", pipeline("pr-*", "preview")],
    ["preview", "another-app/pr-7", pipeline("pr-*", "preview")],
    ["staging", "lectern/pr-7", pipeline("staging", "staging")],
    ["prod", "lectern/prod-west", pipeline("prod", "prod")],
  ])("%s: neither reads nor replaces the code of %s", (_, other, policy) => {
    const calls = of("s3", "GetObject", "PutObject", "DeleteObject").flatMap((action) =>
      [`assets/${other}/ConnectCode-1.zip`, "assets/ConnectCode-1.zip"].map((key) => ({
        action,
        resource: `arn:aws:s3:::sst-asset-abcdefghijkl/${key}`,
        context: { "aws:ResourceAccount": account },
      })),
    );
    expect(refused(policy, calls)).toHaveLength(calls.length);
  });

  test("preview takes over no pool by tagging it", () => {
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

  test("preview reaches only stages of pull requests", async () => {
    const policy = pipeline("pr-*", "preview");
    for (const graph of [await graphOf("staging", full), await graphOf("dev")]) {
      const tables = callsOf(graph, [...ofType(graph, types.table), ...ofType(graph, types.lambda)]);
      expect(refused(policy, tables)).toHaveLength(tables.length);
    }
  });
});

describe("the first deployment into an account", () => {
  const first = deployerPolicy({ stage: "prod", account, region, isFirst: true });

  test("may also create SST's buckets, and the role of API Gateway's logs with AWS's policy", async () => {
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

  test("is a person's, and needs no boundary for any resource", async () => {
    const graph = await graphOf("prod");
    expect(refused(first, callsOf(graph, deployed(graph)))).toEqual([]);
  });

  test("may look up GitHub's provider, as a pipeline may", () => {
    const call = {
      action: "iam:GetOpenIDConnectProvider",
      resource: `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com`,
      context: {},
    };
    expect(refused(first, [call])).toEqual([]);
    expect(refused(pipeline("prod", "prod"), [call])).toEqual([]);
  });

  test("has rights that a pipeline lacks", () => {
    const policy = pipeline("prod", "prod");
    expect(
      refused(policy, [
        { action: "s3:CreateBucket", resource: "arn:aws:s3:::sst-asset-abcdefghijkl", context: {} },
        { action: "apigateway:PATCH", resource: gateway("/account"), context: {} },
      ]),
    ).toHaveLength(2);
  });
});

test("a stage's name matches no longer name: prod's pipeline creates no table or function of prod-west", async () => {
  const graph = await graphOf("prod-west", full);
  const calls = callsOf(graph, [...ofType(graph, types.table), ...ofType(graph, types.lambda)]);
  expect(refused(pipeline("prod", "prod"), calls).filter((call) => !call.startsWith("iam:"))).toHaveLength(
    calls.filter(({ action }) => !action.startsWith("iam:")).length,
  );
});
