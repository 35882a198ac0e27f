import { sayIfSlow, UserError } from "offline-aws";
import { callersAccount, credentialsProblem, isServiceError, networkProblem } from "../aws.js";

/**
 * Looks for credentials that AWS takes, of the stage's account if it names one. SST would fetch Pulumi first, and Pulumi
 * would compare the account only after SST has made its buckets, repository and parameters.
 * @throws {UserError} unless there are such credentials
 */
export const checkAccount = async ({
  stage,
  account,
  region,
}: {
  readonly stage: string;
  readonly account: string | undefined;
  readonly region: string;
}): Promise<void> => {
  const asking = callersAccount({ region }, 10_000);
  const slow = "Asking AWS whose credentials these are";
  const actual = await sayIfSlow(console.error, slow, asking).catch((error: unknown) => {
    throw asUserError(error, region);
  });
  if (account === undefined || actual === account) return;
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
