import { type Bounds, denials } from "./boundary";
import type { Place } from "./names";
import { type Policy, policyOf } from "./policy";
import { apisAndPools, domainStatements, monitoring, roles, storageAndFunctions } from "./resources";
import { firstStatements, sstStatements } from "./sst";

export interface Deployer extends Place {
  /** The stage's domain, if it has one. */
  readonly domain?: string | undefined;
  /** The existing user pool, if the stage does not create its own. */
  readonly userPoolId?: string | undefined;
  /** The limits of a pipeline. Undefined for a person, because a person is trusted. */
  readonly bounds?: Bounds | undefined;
  /** Adds the rights that only the first deployment into an account and region needs. */
  readonly isFirst?: boolean;
}

/**
 * The rights to deploy, verify and remove these stages.
 * They are limited to the stages' own names wherever AWS has names, and to SST's tags where it has none.
 */
export const deployerPolicy = (deployer: Deployer): Policy => {
  const { domain, bounds, isFirst = false } = deployer;
  return policyOf(
    ...sstStatements(deployer),
    ...storageAndFunctions(deployer),
    ...roles(deployer, bounds?.boundary),
    ...apisAndPools(deployer, deployer),
    ...monitoring(deployer),
    ...(domain ? domainStatements(domain, deployer) : []),
    ...(isFirst ? firstStatements(deployer) : []),
    ...(bounds ? denials(deployer, bounds) : []),
  );
};
