import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type AwsAccess, nameOf } from "./aws.js";

/** What could be seen of something, or why it could not. */
export type Seen<Value> =
  | { readonly known: true; readonly value: Value }
  /** `absent`: what was asked about does not exist, so the names are wrong, or the account is. */
  | { readonly known: false; readonly why: string; readonly absent?: Absence };

/** What is not there may be missing where the stage is, or not looked for there at all: in another account. */
export type Absence = "from the stage" | "from another account" | "from an account that may be another";

/** What to do about something absent; `otherwise` where the account is right. Without a full stop. */
export const cureOf = (absent: Absence, otherwise: string): string => {
  switch (absent) {
    case "from the stage":
      return otherwise;
    case "from another account":
      return "switch AWS_PROFILE";
    case "from an account that may be another":
      return `switch AWS_PROFILE if they are of another account than the stage's; else ${otherwise}`;
  }
};

export type TableName = "Sessions" | "Connections";

/** How a table's stream reaches a function: `missing`, or Lambda's own word for the mapping (`Enabled`, `Disabled`). */
export interface Mapping {
  readonly state: string;
  /** What Lambda says of the last batch, where that is a problem. */
  readonly problem?: string;
}

/** Looks at a stage's insides as its operator may, with whatever credentials there are. */
export interface Operator {
  /** Reads a row by its key, consistently; undefined: no such row. */
  row(table: TableName, key: string): Promise<Seen<unknown>>;
  hasStream(table: TableName): Promise<Seen<boolean>>;
  mapping(table: TableName, functionName: string): Promise<Seen<Mapping>>;
  /** Whether a function's logLevel keeps it from writing about anything but warnings and faults. */
  isQuiet(functionName: string): Promise<Seen<boolean>>;
  /** What a function has written since then (ms since the epoch), the oldest line first. */
  lines(functionName: string, since: number): Promise<Seen<readonly string[]>>;
}

/** For a stage whose names are not known: `why` says what would have made them known. */
export const blindOperator = (why: string): Operator => {
  const unknown = async () => ({ known: false, why }) as const;
  return { row: unknown, hasStream: unknown, mapping: unknown, isQuiet: unknown, lines: unknown };
};

export interface OperatorOptions extends AwsAccess {
  /** Physical names. */
  readonly tables: Readonly<Record<TableName, string>>;
  /** The stage's account, where it is known. */
  readonly account: string | undefined;
}

const keys: Readonly<Record<TableName, string>> = { Sessions: "sessionId", Connections: "connectionId" };

/** The clients are loaded when they are first wanted: most runs need only DynamoDB's. */
export const createOperator = (options: OperatorOptions): Operator => {
  const { tables, client, dynamodb } = options;
  const documents = once(async (): Promise<DynamoDBDocumentClient> => {
    const { DynamoDBDocumentClient } = await import("@aws-sdk/lib-dynamodb");
    const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
    return DynamoDBDocumentClient.from(new DynamoDBClient(dynamodb));
  });
  const logs = once(async (): Promise<CloudWatchLogsClient> => {
    const { CloudWatchLogsClient } = await import("@aws-sdk/client-cloudwatch-logs");
    return new CloudWatchLogsClient(client);
  });
  const lambda = once(async (): Promise<LambdaClient> => {
    const { LambdaClient } = await import("@aws-sdk/client-lambda");
    return new LambdaClient(client);
  });
  const callersAccount = once(async () => {
    const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
    // It is asked for a sentence only, and a network may let nobody through to it.
    const requestHandler = {
      connectionTimeout: 3_000,
      requestTimeout: 3_000,
      throwOnRequestTimeout: true,
    };
    const sts = new STSClient({ ...client, maxAttempts: 1, requestHandler });
    return (await sts.send(new GetCallerIdentityCommand({}))).Account;
  });
  /** Everybody may ask whose credentials they have; where even that fails, it stays unknown. */
  const seen = createSeen(options, () => callersAccount().catch(() => undefined));
  return {
    row: (table, key) =>
      seen(`dynamodb:GetItem on ${tables[table]}`, `table ${tables[table]}`, async () => {
        const { GetCommand } = await import("@aws-sdk/lib-dynamodb");
        const Key = { [keys[table]]: key };
        const read = new GetCommand({ TableName: tables[table], Key, ConsistentRead: true });
        return (await (await documents()).send(read)).Item;
      }),
    hasStream: (table) =>
      seen(`dynamodb:DescribeTable on ${tables[table]}`, `table ${tables[table]}`, async () => {
        const { DescribeTableCommand } = await import("@aws-sdk/client-dynamodb");
        const { Table } = await (await documents()).send(
          new DescribeTableCommand({ TableName: tables[table] }),
        );
        return Table?.StreamSpecification?.StreamEnabled === true;
      }),
    mapping: (table, functionName) =>
      seen(`lambda:ListEventSourceMappings`, `function ${functionName}`, async () => {
        const { ListEventSourceMappingsCommand } = await import("@aws-sdk/client-lambda");
        const { EventSourceMappings = [] } = await (await lambda()).send(
          new ListEventSourceMappingsCommand({ FunctionName: functionName }),
        );
        const mapping = EventSourceMappings.find(({ EventSourceArn = "" }) =>
          EventSourceArn.includes(`:table/${tables[table]}/stream/`),
        );
        const { State = "missing", LastProcessingResult: last = "" } = mapping ?? {};
        return { state: State, ...(last.startsWith("PROBLEM") ? { problem: last } : {}) };
      }),
    isQuiet: (functionName) =>
      seen(`lambda:GetFunctionConfiguration on ${functionName}`, `function ${functionName}`, async () => {
        const { GetFunctionConfigurationCommand } = await import("@aws-sdk/client-lambda");
        const look = new GetFunctionConfigurationCommand({ FunctionName: functionName });
        const { Environment } = await (await lambda()).send(look);
        return ["WARN", "ERROR"].includes(Environment?.Variables?.POWERTOOLS_LOG_LEVEL ?? "");
      }),
    lines: (functionName, since) =>
      seen(
        `logs:FilterLogEvents on ${groupOf(functionName)}`,
        `log group ${groupOf(functionName)}`,
        async () => linesOf(await logs(), functionName, since),
      ),
  };
};

export const groupOf = (functionName: string): string => `/aws/lambda/${functionName}`;

/** A stage in use writes much; what concerns this run is among its first lines. */
const mostPages = 10;

const linesOf = async (
  client: CloudWatchLogsClient,
  functionName: string,
  startTime: number,
): Promise<readonly string[]> => {
  const { FilterLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
  const logGroupName = groupOf(functionName);
  const lines: string[] = [];
  let nextToken: string | undefined;
  for (let page = 1; page <= mostPages; page += 1) {
    const read = new FilterLogEventsCommand({ logGroupName, startTime, nextToken });
    const { events = [], nextToken: following } = await client.send(read);
    lines.push(...events.flatMap(({ message }) => message ?? []));
    if (!following) break;
    nextToken = following;
  }
  return lines;
};

type See = <Value>(action: string, what: string, look: () => Promise<Value>) => Promise<Seen<Value>>;

const createSeen =
  (
    { region, account: stages }: Pick<OperatorOptions, "region" | "account">,
    callersAccount: () => Promise<string | undefined>,
  ): See =>
  async (action, what, look) => {
    try {
      return { known: true, value: await look() };
    } catch (error) {
      if (nameOf(error) !== "ResourceNotFoundException") return { known: false, why: whyNot(error, action) };
      return { known: false, ...absence(`there is no ${what} in ${region}`, await callersAccount(), stages) };
    }
  };

/** What is said of something absent, by whose the credentials are and where the stage is. */
const absence = (
  why: string,
  callers: string | undefined,
  stages: string | undefined,
): { readonly why: string; readonly absent: Absence } => {
  if (callers !== undefined && callers === stages) return { why, absent: "from the stage" };
  const absent = "from an account that may be another";
  if (callers === undefined) return { why: `${why} in the account of your AWS credentials`, absent };
  const whose = `${why} of account ${callers}, which your AWS credentials are of`;
  if (stages === undefined) return { why: whose, absent };
  return { why: `${whose}; the stage is in ${stages}`, absent: "from another account" };
};

const whyNot = (error: unknown, action: string): string => {
  const name = nameOf(error);
  switch (name) {
    case "CredentialsProviderError":
      return "there are no AWS credentials";
    case "AccessDeniedException":
    case "AccessDenied":
      return `the AWS credentials may not do ${action}`;
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
      return `AWS does not take the credentials (${name})`;
    default:
      return `${action} failed with ${name}`;
  }
};

const once = <Result>(make: () => Promise<Result>): (() => Promise<Result>) => {
  let made: Promise<Result> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};
