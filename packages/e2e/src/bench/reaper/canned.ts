import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { Scope } from "@lectern/cli/scope";

const sessionCount = 100;
const listenersEach = 500;

/** Rows of Connections: every session has its listeners and a speaker. */
export const connectionCount = sessionCount * (listenersEach + 1);

/** `well`: all send heartbeats. `limits down`: RateLimits answers nothing. `lost`: all are silent, their sockets half open. */
export type Case = "well" | "limits down" | "lost";

const minute = 60_000;

/** DynamoDB and `@connections` with the rows of a full stage. Writes are answered and change nothing. Returns its address. */
export const startCanned = async (scope: Pick<Scope, "defer">, kind: Case): Promise<string> => {
  const tables = {
    Connections: pagesOf("connectionId", connections()),
    Sessions: pagesOf("sessionId", sessions()),
  };
  const ago = kind === "lost" ? 5 * minute : minute / 6;

  const answers: Record<string, (request: Request) => object | undefined> = {
    Scan: ({ TableName = "", ExclusiveStartKey = {} }) => {
      const [key] = Object.values(ExclusiveStartKey);
      return tables[TableName === "Sessions" ? "Sessions" : "Connections"].page(key?.S);
    },
    BatchGetItem: ({ RequestItems = {} }) => {
      if (kind === "limits down") return undefined;
      const keys = RequestItems.RateLimits?.Keys ?? [];
      const lastSeenAt = { N: String(Date.now() - ago) };
      return { Responses: { RateLimits: keys.map((key) => ({ ...key, lastSeenAt })) } };
    },
    GetItem: ({ Key = {} }) => ({
      Item: tables.Connections.row(Key.connectionId?.S) ?? tables.Sessions.row(Key.sessionId?.S),
    }),
    PutItem: () => ({}),
    DeleteItem: ({ Key = {} }) => ({ Attributes: tables.Connections.row(Key.connectionId?.S) }),
    UpdateItem: ({ TableName, Key = {} }) =>
      TableName === "RateLimits"
        ? kind === "limits down"
          ? undefined
          : { Attributes: { ...Key, arrivesAt: { N: "0" } } }
        : { Attributes: tables.Sessions.row(Key.sessionId?.S) },
  };

  const server = http.createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url?.includes("/@connections/")) {
      return response.end(JSON.stringify({ lastActiveAt: new Date(Date.now() - ago).toISOString() }));
    }
    // The user pool's keys.
    if (request.method === "GET") return response.end('{"keys":[]}');
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    const answer = answers[operation]?.(JSON.parse(body));
    return response.writeHead(answer ? 200 : 500).end(JSON.stringify(answer ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

type Key = Readonly<Record<string, { readonly S?: string }>>;

/** The parts of DynamoDB's requests that the answers depend on. */
interface Request {
  readonly TableName?: string;
  readonly ExclusiveStartKey?: Key;
  readonly Key?: Key;
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly Key[] }>>;
}

/** DynamoDB ends a page at 1 MB: about so many rows. */
const rowsInPage = 3_000;

const pagesOf = (keyName: string, rows: readonly Readonly<Record<string, unknown>>[]) => {
  const items = rows.map((row) => marshall(row, { removeUndefinedValues: true }));
  const index = new Map(items.map((item, at) => [item[keyName]?.S, at]));
  return {
    row: (key: string | undefined) => items[index.get(key) ?? -1],
    page: (after: string | undefined) => {
      const start = (index.get(after) ?? -1) + 1;
      const Items = items.slice(start, start + rowsInPage);
      const last = Items.at(-1)?.[keyName];
      return start + rowsInPage < items.length ? { Items, LastEvaluatedKey: { [keyName]: last } } : { Items };
    },
  };
};

export const sessionIds = Array.from({ length: sessionCount }, (_, n) => `golden-eagle-${100 + n}`);
const speakerOf = (sessionId: string) => `Speaker-${sessionId}=`;

const connections = () =>
  sessionIds.flatMap((sessionId) => {
    const common = (connectionId: string) => ({
      connectionId,
      sessionId,
      connectedAt: Date.now() - 30 * minute,
      requestedAt: Date.now() - 30 * minute,
      requestId: "TXzPWdnOjoECGjA=",
      addressHash: "h".repeat(43),
      ttl: Math.ceil(Date.now() / 1_000) + 3_600,
    });
    const listeners = Array.from({ length: listenersEach }, (_, n) => ({
      ...common(`L${n}-${sessionId}=`),
      role: "listener",
      targetLanguage: "es",
    }));
    return [{ ...common(speakerOf(sessionId)), role: "speaker" }, ...listeners];
  });

const sessions = () =>
  sessionIds.map((sessionId) => ({
    sessionId,
    speakerUserId: "9f2c6f4e-3c1b-4a55-8f55-0d6f4f9b1c11",
    speakerConnectionId: speakerOf(sessionId),
    speakerSince: Date.now() - 30 * minute,
    sourceLanguage: "en",
    qualityTier: "standard",
    sharedNetwork: false,
    createdAt: Date.now() - 30 * minute,
    isActive: true,
    listenerCount: listenersEach,
    seatsChangedAt: Date.now() - 20 * minute,
    expiresAt: Math.ceil(Date.now() / 1_000) + 3_600,
  }));
