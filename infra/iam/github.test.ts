import { type Graph, ofType } from "offline-aws";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { settingsFor } from "../settings";
import { full, graphOf, graphWith, named, types } from "../testing/graph";
import { functionBoundary } from "./boundary";
import { deployerPolicy } from "./deployer";
import type { Policy } from "./policy";

const account = "000000000000";
const region = "eu-central-1";
const policyType = "aws:iam/policy:Policy";
const providerType = "aws:iam/openIdConnectProvider:OpenIdConnectProvider";
const github = (more: object) => JSON.stringify({ repository: "acme/lectern", ...more });

const documentOf = (graph: Graph, name: string): Policy =>
  JSON.parse(String(named(graph, policyType, name).inputs.policy));

describe("a stage that creates the roles of staging and of the previews", () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf("staging", {
      region,
      domain: "staging.example.com",
      github: github({
        environments: ["staging", "preview"],
        createsProvider: true,
        previewsBesideProtected: true,
      }),
    });
  });

  test("makes the account trust GitHub's tokens for AWS", () => {
    expect(ofType(graph, providerType).map(({ inputs }) => inputs)).toEqual([
      { url: "https://token.actions.githubusercontent.com", clientIdLists: ["sts.amazonaws.com"] },
    ]);
  });

  test.each(["staging", "preview"])(
    "lets only jobs of the repository in the environment %s assume its role, for an hour",
    (environment) => {
      const { inputs } = named(graph, types.role, `lectern-deploy-${environment}`);
      expect(inputs.maxSessionDuration).toBe(3_600);
      expect(JSON.parse(String(inputs.assumeRolePolicy))).toEqual({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: {
              Federated: `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com`,
            },
            Action: "sts:AssumeRoleWithWebIdentity",
            Condition: {
              StringEquals: {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": `repo:acme/lectern:environment:${environment}`,
              },
            },
          },
        ],
      });
    },
  );

  test.each([
    ["staging", "staging", "staging.example.com"],
    // A setting on the command line holds for every stage.
    ["preview", "pr-*", "staging.example.com"],
  ])("gives the role of %s the rights to deploy %s, and no others", (environment, stage, domain) => {
    const { inputs } = named(graph, types.role, `lectern-deploy-${environment}`);
    const arns = inputs.managedPolicyArns as string[];
    const names = arns.map((arn) => arn.replace(`arn:aws:iam::${account}:policy/`, ""));
    expect(inputs.inlinePolicies).toBeUndefined();
    expect(names).toEqual([1, 2].map((part) => `lectern-deploy-${environment}-${part}`));
    const bounds = { boundary: `lectern-boundary-${environment}`, never: ["prod"] };
    expect(names.flatMap((name) => documentOf(graph, name).Statement)).toEqual(
      deployerPolicy({ stage, account, region, domain, bounds }).Statement,
    );
  });

  test("denies the previews' role everything of prod by name or tag, and the pipelines' own roles", () => {
    const statements = [1, 2].flatMap(
      (part) => documentOf(graph, `lectern-deploy-preview-${part}`).Statement,
    );
    expect(statements.filter(({ Effect }) => Effect === "Deny")).toEqual([
      {
        Sid: "NeverByName",
        Effect: "Deny",
        Action: ["*"],
        Resource: [
          "arn:aws:dynamodb:eu-central-1:000000000000:table/Sessions-prod",
          "arn:aws:dynamodb:eu-central-1:000000000000:table/Connections-prod",
          "arn:aws:dynamodb:eu-central-1:000000000000:table/RateLimits-prod",
          "arn:aws:lambda:eu-central-1:000000000000:function:session-*-prod",
          "arn:aws:lambda:eu-central-1:000000000000:function:session-*-prod:*",
          "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/session-*-prod",
          "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/session-*-prod:*",
          "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/vendedlogs/apis/lectern-prod-*",
          "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/vendedlogs/apis/lectern-prod-*:*",
          "arn:aws:iam::000000000000:role/lectern-prod-*",
          "arn:aws:sns:eu-central-1:000000000000:session-management-alarms-prod",
          "arn:aws:sqs:eu-central-1:000000000000:lectern-*-prod",
          "arn:aws:events:eu-central-1:000000000000:rule/lectern-prod-*",
          "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:lectern-*-prod",
          "arn:aws:cloudwatch::000000000000:dashboard/lectern-prod",
          "arn:aws:budgets::000000000000:budget/lectern-prod",
          "arn:aws:ssm:eu-central-1:000000000000:parameter/sst/passphrase/lectern/prod",
          "arn:aws:s3:::sst-state-*/*/lectern/prod.json",
          "arn:aws:s3:::sst-state-*/*/lectern/prod/*",
          "arn:aws:s3:::sst-asset-*/assets/lectern/prod/*",
          "arn:aws:s3:::sst-asset-*/sourcemap/arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/session-*-prod/*",
          "arn:aws:iam::000000000000:role/lectern-deploy-*",
          "arn:aws:iam::000000000000:policy/lectern-deploy-*",
          "arn:aws:iam::000000000000:policy/lectern-boundary-*",
        ],
      },
      {
        Sid: "NeverByTag",
        Effect: "Deny",
        Action: ["*"],
        Resource: ["*"],
        Condition: {
          StringEquals: { "aws:ResourceTag/sst:app": "lectern", "aws:ResourceTag/sst:stage": ["prod"] },
        },
      },
    ]);
  });

  test("lets the previews' role create roles only by previews' names, with their boundary, for Lambda", () => {
    const statements = [1, 2].flatMap(
      (part) => documentOf(graph, `lectern-deploy-preview-${part}`).Statement,
    );
    const roles = ["arn:aws:iam::000000000000:role/lectern-pr-*-*"];
    expect(statements.filter(({ Action }) => /iam:(Create|Put|Pass)/.test(Action.join()))).toEqual([
      {
        Sid: "RoleRights",
        Effect: "Allow",
        Action: [
          "iam:CreateRole",
          "iam:PutRolePolicy",
          "iam:DeleteRolePolicy",
          "iam:PutRolePermissionsBoundary",
        ],
        Resource: roles,
        Condition: {
          StringEquals: {
            "iam:PermissionsBoundary": "arn:aws:iam::000000000000:policy/lectern-boundary-preview",
          },
        },
      },
      {
        Sid: "RolesForFunctions",
        Effect: "Allow",
        Action: ["iam:PassRole"],
        Resource: roles,
        Condition: { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } },
      },
    ]);
  });

  test("creates both boundaries, and its functions' roles with its own", () => {
    for (const [environment, stage] of [
      ["staging", "staging"],
      ["preview", "pr-*"],
    ] as const) {
      expect(documentOf(graph, `lectern-boundary-${environment}`)).toEqual(
        functionBoundary({ stage, account, region }, false),
      );
    }
    const functions = ofType(graph, types.role).filter(({ inputs }) =>
      String(inputs.name).startsWith("lectern-staging-"),
    );
    expect(functions.length).toBe(ofType(graph, types.lambda).length);
    for (const { inputs } of functions) {
      expect(inputs.permissionsBoundary).toBe(`arn:aws:iam::${account}:policy/lectern-boundary-staging`);
    }
    // A boundary would stop the account's role and the pipelines' roles from working.
    const others = ofType(graph, types.role).filter((role) => !functions.includes(role));
    expect(others.map(({ inputs }) => inputs.permissionsBoundary)).toEqual([undefined, undefined, undefined]);
  });

  test("has the roles' ARNs as outputs, for GitHub's settings", () => {
    expect(graph.outputs.GitHubRoles).toEqual({
      staging: `arn:aws:iam::${account}:role/lectern-deploy-staging`,
      preview: `arn:aws:iam::${account}:role/lectern-deploy-preview`,
    });
  });
});

test("each environment's role and boundary are for the account, region, VPC, domain and pool of its own stages", async () => {
  const vpc = { privateSubnets: ["subnet-1"], securityGroups: ["sg-1"] };
  const graph = await graphWith("staging", {
    prod: { account: "222222222222" },
    staging: {
      account,
      region: "eu-central-1",
      domain: "staging.example.com",
      github: { repository: "acme/lectern", environments: ["staging", "preview"], createsProvider: true },
    },
    "pr-*": {
      region: "eu-west-1",
      domain: "preview.example.com",
      vpc,
      cognitoUserPoolId: "eu-west-1_AbCdEf123",
      cognitoClientId: "client1",
    },
  });
  const bounds = (environment: string) => ({ boundary: `lectern-boundary-${environment}`, never: ["prod"] });
  const preview = {
    stage: "pr-*",
    account,
    region: "eu-west-1",
    domain: "preview.example.com",
    userPoolId: "eu-west-1_AbCdEf123",
    bounds: bounds("preview"),
  };
  const rights = (environment: string) =>
    [1, 2].flatMap((part) => documentOf(graph, `lectern-deploy-${environment}-${part}`).Statement);
  expect(rights("preview")).toEqual(deployerPolicy(preview).Statement);
  expect(documentOf(graph, "lectern-boundary-preview")).toEqual(functionBoundary(preview, true));
  const staging = {
    stage: "staging",
    account,
    region,
    domain: "staging.example.com",
    bounds: bounds("staging"),
  };
  expect(rights("staging")).toEqual(deployerPolicy(staging).Statement);
  expect(documentOf(graph, "lectern-boundary-staging")).toEqual(functionBoundary(staging, false));
});

describe("a second stage of the account, with a new repository and an existing pool", () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf("prod", {
      github: github({ repository: "acme@123456/lectern@456789", environments: ["prod"] }),
      cognitoUserPoolId: "us-east-1_AbCdEf123",
      cognitoClientId: "client1",
    });
  });

  const rights = () => [1, 2].flatMap((part) => documentOf(graph, `lectern-deploy-prod-${part}`).Statement);
  const trust = () => String(named(graph, types.role, "lectern-deploy-prod").inputs.assumeRolePolicy);

  test("finds the provider", () => {
    expect(ofType(graph, providerType)).toEqual([]);
    expect(trust()).toContain(`arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com`);
  });

  test("does not deny prod's own role prod", () => {
    const denied = rights().filter(({ Effect }) => Effect === "Deny");
    expect(denied.flatMap(({ Resource }) => Resource)).toEqual([
      `arn:aws:iam::${account}:role/lectern-deploy-*`,
      `arn:aws:iam::${account}:policy/lectern-deploy-*`,
      `arn:aws:iam::${account}:policy/lectern-boundary-*`,
    ]);
  });

  test("names a repository created after July 2026 with its ids, as GitHub's tokens do", () => {
    expect(trust()).toContain('"repo:acme@123456/lectern@456789:environment:prod"');
  });

  test("lets the verification create users in the existing pool", () => {
    expect(rights().find(({ Sid }) => Sid === "SharedUserPool")?.Resource).toEqual([
      `arn:aws:cognito-idp:us-east-1:${account}:userpool/us-east-1_AbCdEf123`,
    ]);
  });
});

test("a preview with isBounded has the boundary that another stage created", async () => {
  const graph = await graphOf("pr-7", full);
  expect(ofType(graph, policyType)).toEqual([]);
  const bounded = ofType(graph, types.role).filter(({ inputs }) => inputs.permissionsBoundary !== undefined);
  expect(new Set(bounded.map(({ inputs }) => inputs.permissionsBoundary))).toEqual(
    new Set([`arn:aws:iam::${account}:policy/lectern-boundary-preview`]),
  );
  expect(bounded.length).toBe(ofType(graph, types.lambda).length);
});

test.each(["prod", "pr-7"])(
  "without the setting, %s has no roles, policies or outputs for GitHub, and no boundary",
  async (stage) => {
    const graph = await graphOf(stage);
    expect([...ofType(graph, policyType), ...ofType(graph, providerType)]).toEqual([]);
    expect(graph.outputs).not.toHaveProperty("GitHubRoles");
    expect(JSON.stringify(ofType(graph, types.role))).not.toMatch(
      /lectern-(deploy|boundary)|permissionsBoundary/,
    );
  },
);

describe("the setting", () => {
  afterEach(() => vi.unstubAllEnvs());

  const given = (value: unknown) => {
    vi.stubEnv("OFFLINE_AWS_SETTINGS", JSON.stringify({ github: JSON.stringify(value) }));
    return settingsFor("staging").github;
  };

  test("creates no provider by default", () => {
    expect(given({ repository: "acme/lectern", environments: ["staging"] })).toEqual({
      repository: "acme/lectern",
      environments: ["staging"],
      createsProvider: false,
    });
  });

  test.each([
    [{ environments: ["staging"] }, "must have repository and environments"],
    [{ repository: "lectern", environments: ["staging"] }, "needs a repository as GitHub's tokens name it"],
    [{ repository: "acme/*", environments: ["staging"] }, "needs a repository as GitHub's tokens name it"],
    [
      { repository: "acme@1/lectern", environments: ["staging"] },
      "needs a repository as GitHub's tokens name it",
    ],
    [{ repository: "acme/lectern", environments: [] }, "needs environments such as staging and preview"],
    [
      { repository: "acme/lectern", environments: ["pr-*"] },
      "needs environments such as staging and preview",
    ],
    [
      { repository: "acme/lectern", environments: ["prod"], createsProvider: "yes" },
      "needs a createsProvider of true or false",
    ],
    [
      { repository: "acme/lectern", environments: ["prod"], previewsBesideProtected: "yes" },
      "needs a previewsBesideProtected of true or false",
    ],
  ])("%j is refused with a sentence", (value, sentence) => {
    expect(() => given(value)).toThrow(`Setting github (GITHUB) ${sentence}`);
  });
});
