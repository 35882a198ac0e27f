import type { AwsAccess } from "./aws.js";

/** The most invocations of an account's functions at once in a region, and those that no function has reserved. */
export interface Concurrency {
  readonly total: number;
  readonly unreserved: number;
}

/** AWS's default. New accounts have less, down to 10. */
const usual = 1_000;

/** @throws the SDK's error */
export const readConcurrency = async (client: AwsAccess["client"]): Promise<Concurrency> => {
  const { GetAccountSettingsCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const lambda = new LambdaClient({
    ...client,
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });
  try {
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
    const { ConcurrentExecutions: total = 0, UnreservedConcurrentExecutions: unreserved = total } =
      AccountLimit ?? {};
    return { total, unreserved };
  } finally {
    lambda.destroy();
  }
};

/** What a stage must expect of too little concurrency and what to do, without a full stop; undefined: it is enough. */
export const lowConcurrency = ({ total, unreserved }: Concurrency, region: string): string | undefined => {
  if (unreserved >= usual) return undefined;
  const reserved = unreserved < total ? `, of which ${unreserved} are unreserved` : "";
  return `Lambda's quota ConcurrentExecutions is ${total} in this account and ${region}${reserved}, and not the usual ${usual}: beyond it handshakes answer 502 and frames "Internal server error"; ask AWS for more (aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value ${usual} --region ${region})`;
};
