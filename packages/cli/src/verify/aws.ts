/** How AWS's clients are made: as the SDK finds it, or for a stack on this machine, so that nothing leaves it. */
export interface AwsAccess {
  readonly region: string;
  /** Configuration of every client but DynamoDB's. */
  readonly client: ClientConfig;
  readonly dynamodb: ClientConfig;
}

interface ClientConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The account of whoever's credentials are found in the usual places. */
export const awsIn = (region: string): AwsAccess => ({ region, client: { region }, dynamodb: { region } });

/** A local stack: it takes any key that is no function's for an operator's. */
export const awsAt = (stack: {
  readonly region: string;
  readonly httpUrl: string;
  readonly dynamodbEndpoint: string;
}): AwsAccess => {
  const { region, httpUrl, dynamodbEndpoint } = stack;
  const credentials = { accessKeyId: "operator", secretAccessKey: "operator" };
  return {
    region,
    client: { region, endpoint: httpUrl, credentials },
    dynamodb: { region, endpoint: dynamodbEndpoint, credentials },
  };
};

/** The SDK's errors are told apart by name: several copies of a package may be loaded. */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));
