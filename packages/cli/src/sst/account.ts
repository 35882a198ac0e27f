import { UserError } from "offline-aws";
import { nameOf } from "../verify/aws.js";

/** A stage, and where it belongs. */
interface Place {
  readonly stage: string;
  readonly account: string;
  readonly region: string;
}

/**
 * Holds the credentials that are found in the usual places to the stage's account. Pulumi does so too, but only after SST
 * has made its buckets, repository and parameters.
 * @throws {UserError} unless they are of that account
 */
export const checkAccount = async ({ stage, account, region }: Place): Promise<void> => {
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const client = new STSClient({
    region,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  try {
    const { Account: actual } = await client
      .send(new GetCallerIdentityCommand({}))
      .catch((error: unknown) => {
        throw asUserError(error, region);
      });
    if (actual === account) return;
    throw new UserError(
      `Stage ${stage} belongs to the AWS account ${account}, but these credentials are of ${actual}: name another profile with AWS_PROFILE, or correct account in infra/deployments.ts.`,
    );
  } finally {
    client.destroy();
  }
};

/** Names only: AWS's own messages may repeat a request with its headers. */
const asUserError = (error: unknown, region: string): unknown => {
  if (!(error instanceof Error)) return error;
  const name = nameOf(error);
  if (name === "CredentialsProviderError" || name === "TokenProviderError") {
    return new UserError(
      "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE.",
    );
  }
  if ("$metadata" in error && "$fault" in error) {
    return new UserError(
      `AWS does not take these credentials (${name}): sign in again, or check AWS_PROFILE and the clock.`,
    );
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : name;
  if (code !== "TimeoutError" && !/^E[A-Z_]+$/.test(code)) return error;
  return new UserError(
    `AWS cannot be asked in ${region} whose credentials these are (${code}): check the network, and region in infra/deployments.ts.`,
  );
};
