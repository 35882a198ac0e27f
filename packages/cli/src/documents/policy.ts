import { deployerPolicy } from "../../../../infra/iam/deployer.js";
import { inParts, type Policy } from "../../../../infra/iam/policy.js";

/** As long as names get, so that each part is short enough for IAM whatever takes the placeholders' place. */
const longest = {
  account: "000000000000",
  region: "ap-southeast-1",
  stage: "longest-stage-name",
  domain: "a-long-name-for-lectern.live.example.com",
};

/**
 * What a person who deploys needs, the first deployment into an account included: as many policies as IAM needs for it,
 * with `<account>`, `<region>`, `<stage>` and `<domain>` to be replaced.
 */
export const deployerPolicies = (): readonly Policy[] =>
  inParts(deployerPolicy({ ...longest, isFirst: true })).map((part) => {
    const filled = Object.entries(longest).reduce(
      (text, [name, value]) => text.replaceAll(value, `<${name}>`),
      JSON.stringify(part),
    );
    return JSON.parse(filled);
  });
