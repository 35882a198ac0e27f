import { expect, test } from "vitest";
import { deployerPolicy } from "../../../../infra/iam/deployer.js";
import { deployerPolicies } from "./policy.js";

const mine = {
  account: "123456789012",
  region: "eu-central-1",
  stage: "prod",
  domain: "live.example.com",
};

const filled = (text: string): string =>
  Object.entries(mine).reduce((before, [name, value]) => before.replaceAll(`<${name}>`, value), text);

test("with the placeholders replaced, the policies are together what the stage's deployer needs", () => {
  const policies = deployerPolicies().map((policy) => JSON.parse(filled(JSON.stringify(policy))));
  expect(policies.flatMap(({ Statement }) => Statement)).toEqual(
    JSON.parse(JSON.stringify(deployerPolicy({ ...mine, isFirst: true }).Statement)),
  );
});

test("each fits into one policy of IAM's, also when it is filled", () => {
  const policies = deployerPolicies().map((policy) => JSON.stringify(policy));
  for (const policy of policies) {
    expect(filled(policy)).not.toMatch(/<\w+>/);
    expect(filled(policy).length).toBeLessThanOrEqual(6_144);
  }
  expect(policies.length).toBeLessThanOrEqual(10);
});
