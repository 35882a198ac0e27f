import { type AwsAccess, callersAccount, credentialsProblem, nameOf } from "../aws.js";

export type TableName = "Sessions" | "Connections";

/** Without the prefix `session-` and the stage, as in the names of the functions' alarms. */
export type FunctionName =
  | "announce"
  | "authorizer"
  | "connection-handler"
  | "default-handler"
  | "disconnect-handler"
  | "heartbeat-handler"
  | "welcome";

/** `session-welcome-prod` */
export const physicalName = (name: FunctionName, stage = "<stage>"): string => `session-${name}-${stage}`;

/** Something could not be looked at. The message says why. */
export class Unseen extends Error {
  override readonly name = "Unseen";
  /** It does not exist, so that the names are wrong or the account is. */
  readonly isAbsent: boolean;

  constructor(message: string, isAbsent = false) {
    super(message);
    this.isAbsent = isAbsent;
  }
}

/** Looks at a stage's insides with the operator's credentials. Every look may throw {@link Unseen}. */
export interface Operator {
  /** Reads a row by its key, consistently; undefined: there is no such row. */
  row(table: TableName, key: string): Promise<unknown>;
  /** Why a table's stream does not reach a function; undefined: nothing is wrong with it. */
  brokenStream(table: TableName, name: FunctionName): Promise<string | undefined>;
  /** What a function has logged since then (ms since the epoch), the oldest line first. */
  lines(name: FunctionName, since: number): Promise<readonly string[]>;
}

/** For a stage whose names are not known. */
export const blindOperator = (why: string): Operator => {
  const unseen = async () => {
    throw new Unseen(why);
  };
  return { row: unseen, brokenStream: unseen, lines: unseen };
};

export interface OperatorOptions extends AwsAccess {
  readonly stage: string;
  /** The stage's account, where it is known. */
  readonly account: string | undefined;
}

const keys: Readonly<Record<TableName, string>> = { Sessions: "sessionId", Connections: "connectionId" };

/** A stage in use logs much; what concerns this run is among its first lines. */
const mostPages = 10;

/** The SDK's clients are loaded when they are first used: most runs need only DynamoDB's. */
export const createOperator = (options: OperatorOptions): Operator => {
  const { stage, client, dynamodb } = options;
  const look = <Value>(action: string, what: string, work: () => Promise<Value>): Promise<Value> =>
    work().catch(async (error: unknown) => {
      throw nameOf(error) === "ResourceNotFoundException"
        ? new Unseen(await absence(what, options), true)
        : new Unseen(whyNot(error, action));
    });
  const database = once(async () => {
    const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
    return new DynamoDBClient(dynamodb);
  });
  return {
    row: (table, key) => {
      const TableName = `${table}-${stage}`;
      return look(`dynamodb:GetItem on ${TableName}`, `table ${TableName}`, async () => {
        const { DynamoDBDocumentClient, GetCommand } = await import("@aws-sdk/lib-dynamodb");
        const read = new GetCommand({ TableName, Key: { [keys[table]]: key }, ConsistentRead: true });
        return (await DynamoDBDocumentClient.from(await database()).send(read)).Item;
      });
    },
    brokenStream: async (table, name) => {
      const [TableName, FunctionName] = [`${table}-${stage}`, physicalName(name, stage)];
      const hasStream = await look(
        `dynamodb:DescribeTable on ${TableName}`,
        `table ${TableName}`,
        async () => {
          const { DescribeTableCommand } = await import("@aws-sdk/client-dynamodb");
          const { Table } = await (await database()).send(new DescribeTableCommand({ TableName }));
          return Table?.StreamSpecification?.StreamEnabled === true;
        },
      );
      if (!hasStream) return `the table ${TableName} has no stream`;
      return look("lambda:ListEventSourceMappings", `function ${FunctionName}`, async () => {
        const { LambdaClient, ListEventSourceMappingsCommand } = await import("@aws-sdk/client-lambda");
        const list = new ListEventSourceMappingsCommand({ FunctionName });
        const { EventSourceMappings = [] } = await new LambdaClient(client).send(list);
        const mapping = EventSourceMappings.find(({ EventSourceArn = "" }) =>
          EventSourceArn.includes(`:table/${TableName}/stream/`),
        );
        const way = `event-source mapping from ${TableName} to ${FunctionName}`;
        if (!mapping) return `there is no ${way}`;
        const { State, LastProcessingResult: last = "" } = mapping;
        if (State !== "Enabled") return `the ${way} is ${State}`;
        return last.startsWith("PROBLEM") ? `Lambda says of the ${way}: ${last}` : undefined;
      });
    },
    lines: (name, startTime) => {
      const logGroupName = `/aws/lambda/${physicalName(name, stage)}`;
      return look(`logs:FilterLogEvents on ${logGroupName}`, `log group ${logGroupName}`, async () => {
        const { CloudWatchLogsClient, paginateFilterLogEvents } = await import(
          "@aws-sdk/client-cloudwatch-logs"
        );
        const logs = new CloudWatchLogsClient(client);
        const lines: string[] = [];
        let pages = 0;
        for await (const { events = [] } of paginateFilterLogEvents(
          { client: logs },
          { logGroupName, startTime },
        )) {
          lines.push(...events.flatMap(({ message }) => message ?? []));
          pages += 1;
          if (pages === mostPages) break;
        }
        return lines;
      });
    },
  };
};

/** Says that something does not exist, and whether to correct the names or the account. */
const absence = async (what: string, { region, client, account }: OperatorOptions): Promise<string> => {
  // It is asked for a sentence only, and a network may let nobody through to it.
  const callers = await callersAccount({ ...client, maxAttempts: 1 }, 3_000).catch(() => undefined);
  const names = "correct --stage or --region";
  if (callers !== undefined && callers === account) return `there is no ${what} in ${region}; ${names}`;
  const where =
    callers === undefined
      ? "the account of your AWS credentials"
      : `account ${callers}, which your AWS credentials are of`;
  return callers === undefined || account === undefined
    ? `there is no ${what} in ${region} in ${where}; switch AWS_PROFILE, or ${names}`
    : `there is no ${what} in ${region} in ${where}, and the stage is in ${account}; switch AWS_PROFILE`;
};

const whyNot = (error: unknown, action: string): string => {
  const name = nameOf(error);
  if (/^AccessDenied(Exception)?$/.test(name)) return `the AWS credentials may not do ${action}`;
  return credentialsProblem(error)?.replace(/^There/, "there") ?? `${action} failed with ${name}`;
};

const once = <Result>(make: () => Promise<Result>): (() => Promise<Result>) => {
  let made: Promise<Result> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};
