import { type Component, functions } from "../../../../infra/functions.js";
import { type AwsAccess, callersAccount, credentialsProblem, nameOf } from "../aws.js";
import { lowConcurrency, readConcurrency } from "../concurrency.js";

type Functions = typeof functions;

/** A function that a table's stream invokes. */
export type StreamComponent = {
  [Name in Component]: Functions[Name] extends { stream: string } ? Name : never;
}[Component];

export type TableName = Functions[StreamComponent]["stream"];

/** `session-welcome-prod` */
export const physicalName = (component: Component, stage = "<stage>"): string =>
  `${functions[component].name}-${stage}`;

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
  /** Why the table's stream does not reach the function; undefined: nothing is wrong with it. */
  brokenStream(component: StreamComponent): Promise<string | undefined>;
  /** The function's log lines since then (ms since the epoch), the oldest first. */
  lines(component: Component, since: number): Promise<readonly string[]>;
  /** How many functions the account may run at once, and what that is too little for. */
  concurrency(): Promise<{ readonly unreserved: number; readonly problem: string | undefined }>;
}

/** For a stage whose names are not known. */
export const blindOperator = (why: string): Operator => {
  const unseen = async () => {
    throw new Unseen(why);
  };
  return { row: unseen, brokenStream: unseen, lines: unseen, concurrency: unseen };
};

export interface OperatorOptions extends AwsAccess {
  readonly stage: string;
  /** The stage's account, where it is known. */
  readonly account: string | undefined;
}

const keys: Readonly<Record<TableName, string>> = { Sessions: "sessionId", Connections: "connectionId" };

/** A stage in use logs much. The lines of this run are among the first. */
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
    brokenStream: async (component) => {
      const TableName = `${functions[component].stream}-${stage}`;
      const FunctionName = physicalName(component, stage);
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
    lines: (component, startTime) => {
      const logGroupName = `/aws/lambda/${physicalName(component, stage)}`;
      return look(`logs:FilterLogEvents on ${logGroupName}`, `log group ${logGroupName}`, async () => {
        const { CloudWatchLogsClient, paginateFilterLogEvents } = await import(
          "@aws-sdk/client-cloudwatch-logs"
        );
        const paging = { client: new CloudWatchLogsClient(client) };
        const pages: string[][] = [];
        for await (const { events = [] } of paginateFilterLogEvents(paging, { logGroupName, startTime })) {
          pages.push(events.flatMap(({ message }) => message ?? []));
          if (pages.length === mostPages) break;
        }
        return pages.flat();
      });
    },
    concurrency: () =>
      look("lambda:GetAccountSettings", "account", async () => {
        const found = await readConcurrency(client);
        return { unreserved: found.unreserved, problem: lowConcurrency(found, options.region) };
      }),
  };
};

/** Says that something does not exist, and whether to correct the names or the account. */
const absence = async (what: string, { region, client, account }: OperatorOptions): Promise<string> => {
  // The account is for a sentence only, so a network that does not reach STS must not hold the run up.
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
