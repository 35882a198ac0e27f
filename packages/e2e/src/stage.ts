import path from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { type Client, type ConnectOptions, connect, Refused } from "@lectern/cli/client";
import { type ConnectionRow, connectionSchema, type Session, sessionSchema } from "@lectern/core";
import { type Observer, type Stack, type StackOptions, startStack } from "offline-aws";
import * as v from "valibot";
import { afterAll, beforeAll } from "vitest";
import { functions } from "../../../infra/functions.js";
import { graphOf } from "../../../infra/testing/graph.js";

export const root = path.resolve(import.meta.dirname, "../../..");

/** The whole system on this machine, and shortcuts for what tests do with it. */
export interface Stage {
  readonly stack: Stack;
  /** Opens a session and waits for its welcome. */
  create(query?: Record<string, string>, options?: ConnectOptions & { user?: string }): Promise<Speaker>;
  /** Joins a session and waits for the welcome. */
  join(sessionId: string, query?: Record<string, string>, options?: ConnectOptions): Promise<Client>;
  /** @throws {Refused} whose message has the response, the gateway's reason and the functions' log lines */
  connect(query: Record<string, string>, options?: ConnectOptions): Promise<Client>;
  sessions(): Promise<Session[]>;
  connections(): Promise<ConnectionRow[]>;
  sessionOf(sessionId: string): Promise<Session | undefined>;
  /** The rows of a session's speaker and listeners. */
  rowsOf(sessionId: string): Promise<ConnectionRow[]>;
  token(user?: string): string;
  /** Writes attributes of a session's row that no client could write. */
  plant(sessionId: string, attributes: Partial<Session>): Promise<void>;
  /** Runs the reaper once, and waits until everything that follows has ended. */
  reap(): Promise<void>;
  stop(): Promise<void>;
}

interface Speaker extends Client {
  readonly sessionId: string;
}

let addresses = 0;

/** Each client has its own address, so that no test meets the limits of another. */
const freshAddress = (): string => {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
};

/** Starts a stage before the tests of a file, and stops it after them. */
export const useStage = (
  settings: Record<string, string> = {},
  options: Partial<StackOptions> = {},
): Stage => {
  const stage = {} as Stage;
  beforeAll(async () => {
    Object.assign(stage, await startStage(settings, options));
  });
  afterAll(() => stage.stop?.());
  return stage;
};

/** Starts the system with schedules off: only the test moves the time. */
export const startStage = async (
  settings: Record<string, string> = {},
  { observer = {}, ...options }: Partial<StackOptions> = {},
): Promise<Stage> => {
  const refusals = createRefusals(observer);
  const stack = await startStack({
    root,
    settings,
    schedules: false,
    engine: process.env.DYNAMODB_ENGINE === "dynamodb-local" ? "dynamodb-local" : "dynalite",
    ...(options.root || options.graph ? {} : { graph: await graphOf("local", settings) }),
    ...options,
    observer: refusals.observer,
  });
  const client = new DynamoDBClient({
    endpoint: stack.dynamodbEndpoint,
    region: stack.region,
    credentials: { accessKeyId: "operator", secretAccessKey: "operator" },
  });
  const db = DynamoDBDocumentClient.from(client);
  const scan = async <Schema extends v.GenericSchema>(table: string | undefined, schema: Schema) => {
    const { Items } = await db.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
    return v.parse(v.array(schema), Items);
  };
  const sessions = () => scan(stack.tables.Sessions, sessionSchema);
  const connections = () => scan(stack.tables.Connections, connectionSchema);
  const token = (user = "alice") => stack.token({ username: user });
  const open = (query: Record<string, string>, { address = freshAddress(), ...rest }: ConnectOptions = {}) =>
    refusals.explain(connect(stack.webSocketUrl, query, { address, ...rest }));
  return {
    stack,
    token,
    connect: open,
    create: async (query = {}, { user, ...rest } = {}) => {
      const speaker = await open(
        { action: "createSession", sourceLanguage: "en", token: token(user), ...query },
        rest,
      );
      const { sessionId } = await speaker.next("sessionCreated");
      return { ...speaker, sessionId };
    },
    join: async (sessionId, query = {}, rest = {}) => {
      const listener = await open({ action: "joinSession", sessionId, targetLanguage: "es", ...query }, rest);
      await listener.next("sessionJoined");
      return listener;
    },
    sessionOf: async (sessionId) => (await sessions()).find((session) => session.sessionId === sessionId),
    rowsOf: async (sessionId) =>
      (await connections()).filter((row) => row.role !== "refused" && row.sessionId === sessionId),
    plant: async (sessionId, attributes) => {
      const TableName = stack.tables.Sessions;
      const { Item } = await db.send(new GetCommand({ TableName, Key: { sessionId } }));
      await db.send(new PutCommand({ TableName, Item: { ...Item, ...attributes } }));
    },
    sessions,
    connections,
    reap: async () => {
      await stack.invoke(`${functions.Reaper.name}-local`, {});
      await stack.idle();
    },
    stop: async () => {
      client.destroy();
      await stack.stop();
    },
  };
};

/** Adds to a refused handshake's error the gateway's reason and the functions' lines about refusals since it began. */
const createRefusals = (observer: Observer) => {
  const seen: string[] = [];
  const observing: Observer = {
    ...observer,
    onLog: (line) => {
      observer.onLog?.(line);
      if (/"outcome":"(refused|failed)"/.test(line.text)) seen.push(`${line.functionName}: ${line.text}`);
    },
    onGatewayEvent: (event) => {
      observer.onGatewayEvent?.(event);
      if (event.kind === "refused") seen.push(`gateway: ${event.status}, ${event.reason}`);
    },
  };
  const explain = async (handshake: Promise<Client>): Promise<Client> => {
    const begin = seen.length;
    return handshake.catch((error: unknown) => {
      if (error instanceof Refused) error.message += [` ${error.body}`, ...seen.slice(begin)].join("\n  ");
      throw error;
    });
  };
  return { observer: observing, explain };
};
