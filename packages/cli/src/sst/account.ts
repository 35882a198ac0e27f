import { UserError } from "offline-aws";
import { callersAccount, credentialsProblem, isServiceError, networkProblem } from "../aws.js";

/**
 * Compares the account of the credentials with the stage's. Pulumi does so too, but only after SST has made its buckets,
 * repository and parameters.
 * @throws {UserError} unless they are of that account
 */
export const checkAccount = async ({
  stage,
  account,
  region,
}: {
  readonly stage: string;
  readonly account: string;
  readonly region: string;
}): Promise<void> => {
  const actual = await callersAccount({ region }, 10_000).catch((error: unknown) => {
    throw asUserError(error, region);
  });
  if (actual === account) return;
  throw new UserError(
    `Stage ${stage} belongs to the AWS account ${account}, but these credentials are of ${actual}: name another profile with AWS_PROFILE, or correct account in infra/deployments.ts.`,
  );
};

const asUserError = (error: unknown, region: string): unknown => {
  const problem = credentialsProblem(error);
  if (problem) return new UserError(`${problem}.`);
  const network = networkProblem(error);
  if (network) {
    return new UserError(
      `AWS cannot be asked in ${region} whose credentials these are (${network}): check the network, and region in infra/deployments.ts.`,
    );
  }
  if (!isServiceError(error)) return error;
  return new UserError(`AWS did not say whose credentials these are (${error.name}): run the command again.`);
};
