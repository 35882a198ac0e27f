import path from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { type Client, type ConnectOptions, connect } from "@lectern/cli/client";
import { type ConnectionRow, connectionSchema, type Session, sessionSchema } from "@lectern/core";
import { type Stack, type StackOptions, startStack } from "offline-aws";
import * as v from "valibot";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/** The whole system on this machine, and short ways to what tests do with it. */
export interface Stage {
  readonly stack: Stack;
  /** Opens a session and waits for its welcome. */
  create(query?: Record<string, string>, options?: ConnectOptions & { user?: string }): Promise<Speaker>;
  /** Joins a session and waits for the welcome. */
  join(sessionId: string, query?: Record<string, string>, options?: ConnectOptions): Promise<Client>;
  connect(query: Record<string, string>, options?: ConnectOptions): Promise<Client>;
  sessions(): Promise<Session[]>;
  connections(): Promise<ConnectionRow[]>;
  sessionOf(sessionId: string): Promise<Session | undefined>;
  /** The rows of a session's speaker and listeners. */
  rowsOf(sessionId: string): Promise<ConnectionRow[]>;
  token(user?: string): string;
  /** Writes what no client could: attributes of a session's row. */
  plant(sessionId: string, attributes: Partial<Session>): Promise<void>;
  /** Runs the reaper once, now, and waits for all that follows from it. */
  reap(): Promise<void>;
  stop(): Promise<void>;
}

interface Speaker extends Client {
  readonly sessionId: string;
}

let addresses = 0;

/** Each client comes from an address of its own, so that no test meets another's limits. */
const freshAddress = (): string => {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
};

/** Starts the system with schedules off: time moves only as a test says. */
export const startStage = async (
  settings: Record<string, string> = {},
  options: Partial<StackOptions> = {},
): Promise<Stage> => {
  const stack = await startStack({
    root,
    settings,
    schedules: false,
    engine: process.env.DYNAMODB_ENGINE === "dynamodb-local" ? "dynamodb-local" : "dynalite",
    ...options,
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
    connect(stack.webSocketUrl, query, { address, ...rest });
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
      await stack.invoke("session-reaper-local", {});
      await stack.idle();
    },
    stop: async () => {
      client.destroy();
      await stack.stop();
    },
  };
};
