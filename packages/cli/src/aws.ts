/** The configuration of the AWS clients. */
export interface AwsAccess {
  readonly region: string;
  /** For every client but DynamoDB's. */
  readonly client: ClientConfig;
  readonly dynamodb: ClientConfig;
}

interface ClientConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly maxAttempts?: number;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** AWS itself, with the credentials that the SDK finds in the usual places. */
export const awsIn = (region: string): AwsAccess => ({ region, client: { region }, dynamodb: { region } });

/** A local stack takes every key that is not a function's as an operator's. */
export const localCredentials = { accessKeyId: "operator", secretAccessKey: "operator" };

/** A local stack, so that nothing leaves this machine. */
export const awsAt = (stack: {
  readonly region: string;
  readonly httpUrl: string;
  readonly dynamodbEndpoint: string;
}): AwsAccess => {
  const { region, httpUrl, dynamodbEndpoint } = stack;
  const credentials = localCredentials;
  return {
    region,
    client: { region, endpoint: httpUrl, credentials },
    dynamodb: { region, endpoint: dynamodbEndpoint, credentials },
  };
};

/**
 * The account that the credentials belong to. Everybody may ask for their own.
 * @throws the SDK's error
 */
export const callersAccount = async (
  config: ClientConfig,
  timeoutMs: number,
): Promise<string | undefined> => {
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const requestHandler = {
    connectionTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    throwOnRequestTimeout: true,
  };
  const client = new STSClient({ ...config, requestHandler });
  try {
    return (await client.send(new GetCallerIdentityCommand({}))).Account;
  } finally {
    client.destroy();
  }
};

/** The SDK's errors are told apart by name: several copies of a package may be loaded. */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));

const missing = new Set(["CredentialsProviderError", "TokenProviderError"]);

const refused = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignatureException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

/**
 * The problem with the credentials and its remedy, without a full stop; undefined: the error is another one. Only the
 * error's name is shown: AWS's answer to a wrong signature repeats the request's headers, tokens included.
 */
export const credentialsProblem = (error: unknown): string | undefined => {
  const name = nameOf(error);
  if (missing.has(name)) {
    return "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE";
  }
  if (!refused.has(name)) return undefined;
  return `AWS does not take these credentials (${name}): sign in again, or check AWS_PROFILE and the clock`;
};

/** `ECONNREFUSED`, `TimeoutError`: AWS was not reached; undefined: it is another error. */
export const networkProblem = (error: unknown): string | undefined => {
  const code =
    error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : nameOf(error);
  return code === "TimeoutError" || /^E[A-Z_]+$/.test(code) ? code : undefined;
};

/** The service answered, with an error. */
export const isServiceError = (error: unknown): error is Error =>
  error instanceof Error && "$metadata" in error && "$fault" in error;
