import { deployerPolicy } from "../../../../infra/iam/deployer.js";
import { inParts, type Policy } from "../../../../infra/iam/policy.js";

/** The longest names, so that each part fits IAM's limit whatever replaces the placeholders. */
const longest = {
  account: "000000000000",
  region: "ap-southeast-1",
  stage: "longest-stage-name",
  domain: "a-long-name-for-lectern.live.example.com",
};

/**
 * The rights of a person who deploys, also for the first deployment into an account: as many policies as IAM's size limit
 * takes, with the placeholders `<account>`, `<region>`, `<stage>` and `<domain>`.
 */
export const deployerPolicies = (): readonly Policy[] =>
  inParts(deployerPolicy({ ...longest, isFirst: true })).map((part) => {
    const filled = Object.entries(longest).reduce(
      (text, [name, value]) => text.replaceAll(value, `<${name}>`),
      JSON.stringify(part),
    );
    return JSON.parse(filled);
  });
