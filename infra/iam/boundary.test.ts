import { ofType } from "offline-aws";
import { describe, expect, test } from "vitest";
import { full, graphOf, types } from "../testing/graph";
import { account, arn, refused, region } from "../testing/iam";
import { functionBoundary } from "./boundary";
import type { Policy } from "./policy";

describe("the boundary of the functions' roles", () => {
  test.each([
    ["prod", "prod"],
    ["staging", "staging"],
    ["pr-7", "pr-*"],
  ])("on %s allows everything that the roles have", async (stage, pattern) => {
    const graph = await graphOf(stage, full);
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

  test("denies a preview's role other stages' rows, users, and creating roles", () => {
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
