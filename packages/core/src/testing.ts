import { isDeepStrictEqual } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, DynamoDBDocumentClient, paginateScan } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { FrameOf, ServerFrame, SessionId } from "@lectern/protocol";
import type { TableDefinition } from "offline-aws";
import * as v from "valibot";
import * as Announce from "./announce.js";
import type { Arrival } from "./arrival.js";
import { connect } from "./connect.js";
import * as Connection from "./connection.js";
import { byLanguage, type Connection as ConnectionRow, connectionSchema } from "./connection.table.js";
import type { Core, Tables } from "./core.js";
import type { Log } from "./log.js";
import type { MetricName } from "./metric.js";
import { isSpeaker, type Session, sessionSchema } from "./session.table.js";
import type { Settings } from "./settings.js";
import { SocketError, type Sockets } from "./sockets.js";
import { onConnectionChange } from "./welcome.js";

/** dynalite unless `DYNAMODB_ENGINE=dynamodb-local`: the same suite runs on Amazon's own. */
const engine = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? "dynamodb-local" : "dynalite";

export const defaults: Settings = {
  sessionMaxDurationHours: 2,
  connectionMaxDurationHours: 2,
  connectionRefreshMinutes: 100,
  connectionWarningMinutes: 105,
  heartbeatIntervalSeconds: 30,
  heartbeatTimeoutSeconds: 90,
  speakerGraceSeconds: 30,
  maxListenersPerSession: 500,
  maxActiveSessions: 100,
  dataRetentionHours: 12,
  rateLimitSessionsPerHour: 50,
  rateLimitListenerJoinsPerMin: 10,
  rateLimitConnectionAttemptsPerMin: 20,
  rateLimitHeartbeatsPerMin: 2,
};

export const signingKey = "a key of the tests";

/** Of the random walks: the same ones every time, others with `FC_SEED=<number>`. */
export const seed = Number(process.env.FC_SEED ?? 427);

/** When every test begins. */
export const midnight = Date.parse("2026-01-01T00:00:00Z");
export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

const tables: Tables = {
  sessions: "Sessions-test",
  connections: "Connections-test",
  rateLimits: "RateLimits-test",
};

const arn = (name: string): string => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`;

const streamed = (name: string) =>
  ({ arn: `${arn(name)}/stream/2026-01-01T00:00:00.000`, viewType: "NEW_AND_OLD_IMAGES" }) as const;

/** As `infra/storage.ts` declares them. */
const definitions: readonly TableDefinition[] = [
  {
    name: tables.sessions,
    arn: arn(tables.sessions),
    hashKey: "sessionId",
    attributes: [{ name: "sessionId", type: "S" }],
    globalIndexes: [],
    stream: streamed(tables.sessions),
    ttlAttribute: "expiresAt",
  },
  {
    name: tables.connections,
    arn: arn(tables.connections),
    hashKey: "connectionId",
    attributes: [
      { name: "connectionId", type: "S" },
      { name: "sessionId", type: "S" },
      { name: "targetLanguage", type: "S" },
    ],
    globalIndexes: [
      { name: byLanguage, hashKey: "sessionId", rangeKey: "targetLanguage", projectionType: "ALL" },
    ],
    stream: streamed(tables.connections),
    ttlAttribute: "ttl",
  },
  {
    name: tables.rateLimits,
    arn: arn(tables.rateLimits),
    hashKey: "identifier",
    attributes: [{ name: "identifier", type: "S" }],
    globalIndexes: [],
    stream: undefined,
    ttlAttribute: "expiresAt",
  },
];

const keys: Readonly<Record<keyof Tables, string>> = {
  sessions: "sessionId",
  connections: "connectionId",
  rateLimits: "identifier",
};

/** A call of the domain to DynamoDB (`UpdateItem`) or to a socket (`send`), in the order of the calls' starts and ends. */
export interface Call {
  readonly name: string;
  /** The table's name, or the connection's id. */
  readonly target: string;
  readonly begun: number;
  ended: number;
}

/** The longest chain of calls each of which began after the one before had ended. */
export const longestSequence = (calls: readonly Call[]): number => {
  const length = (call: Call): number =>
    1 + Math.max(0, ...calls.filter(({ ended }) => ended < call.begun).map(length));
  return Math.max(0, ...calls.map(length));
};

interface TestSocket {
  /** How many sends it still answers with 410, as before a handshake is through. */
  opening: number;
  open: boolean;
  frames: ServerFrame[];
  closes: number;
  /** Undefined: active this very moment. */
  lastActiveAt: number | undefined;
  /** What every call fails with. */
  failure: Error | undefined;
}

/** Sockets in memory: what was sent and closed can be looked at, and clients can go, be slow, or be out of reach. */
export const createTestSockets = (now: () => number) => {
  const all = new Map<string, TestSocket>();
  let onSend: (connectionId: string) => void = () => undefined;
  const of = (connectionId: string): TestSocket => {
    const known = all.get(connectionId);
    if (known) return known;
    const socket = {
      opening: 0,
      open: false,
      frames: [],
      closes: 0,
      lastActiveAt: undefined,
      failure: undefined,
    };
    all.set(connectionId, socket);
    return socket;
  };
  const port: Sockets = {
    send: async (connectionId, frame) => {
      onSend(connectionId);
      const socket = of(connectionId);
      if (socket.failure) throw socket.failure;
      if (socket.opening > 0) {
        socket.opening -= 1;
        socket.open = socket.opening === 0;
        return "gone";
      }
      if (!socket.open) return "gone";
      socket.frames.push(frame);
      return "sent";
    },
    close: async (connectionId) => {
      const socket = of(connectionId);
      if (socket.failure) throw socket.failure;
      socket.closes += 1;
      socket.open = false;
      socket.opening = 0;
    },
    lastActiveAt: async (connectionId) => {
      const { open, lastActiveAt, failure } = of(connectionId);
      if (failure) throw failure;
      return open ? (lastActiveAt ?? now()) : "gone";
    },
  };
  return {
    port,
    of,
    open: (connectionId: string) => Object.assign(of(connectionId), { open: true, opening: 0 }),
    /** It opens after so many sends. */
    opening: (connectionId: string, sends: number) =>
      Object.assign(of(connectionId), { open: false, opening: sends }),
    /** The client is gone, or was never there. */
    drop: (connectionId: string) => Object.assign(of(connectionId), { open: false, opening: 0 }),
    fail: (connectionId: string) =>
      Object.assign(of(connectionId), { failure: new SocketError("status 500", 500) }),
    types: (connectionId: string) => of(connectionId).frames.map(({ type }) => type),
    opened: () => [...all].filter(([, { open }]) => open).map(([connectionId]) => connectionId),
    beforeSend: (act: (connectionId: string) => void) => {
      onSend = act;
    },
    snapshot: (): ReadonlyMap<string, TestSocket> =>
      new Map([...all].map(([id, socket]) => [id, { ...socket, frames: [...socket.frames] }])),
    restore: (snapshot: ReadonlyMap<string, TestSocket>) => {
      all.clear();
      for (const [id, socket] of snapshot) all.set(id, { ...socket, frames: [...socket.frames] });
      onSend = () => undefined;
    },
  };
};

/** What every call of a killed process fails with; nothing in the domain may take it for anything it knows. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/** All rows, sockets and the time. */
interface Snapshot {
  readonly rows: Readonly<Record<keyof Tables, readonly Record<string, unknown>[]>>;
  readonly sockets: ReturnType<ReturnType<typeof createTestSockets>["snapshot"]>;
  readonly at: number;
}

/** The domain with all its surroundings: tables on an embedded engine, sockets in memory, a clock that is set. */
export const startStage = async () => {
  const clock = { at: midnight };
  const now = () => clock.at;
  let requests: string[] = [];
  // Only here: the tests of what needs no table are spared the whole of the local stack.
  const { startDynamoDb } = await import("offline-aws");
  const dynamoDb = await startDynamoDb({
    engine,
    port: 0,
    region: "us-east-1",
    accountId: "000000000000",
    clock: {
      now,
      after: (delay, callback) => {
        const timer = setTimeout(callback, delay);
        return () => clearTimeout(timer);
      },
    },
    authorize: () => ({ allowed: true }),
    tables: definitions,
    onRequest: ({ operation, accessKeyId }) => {
      if (accessKeyId === "CORE") requests.push(operation);
    },
  });
  let endings: (() => void)[] = [];
  const clients: DynamoDBClient[] = [];
  const connectAs = (accessKeyId: string): DynamoDBDocumentClient => {
    const client = new DynamoDBClient({
      endpoint: dynamoDb.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey: "secret" },
      maxAttempts: 1,
      requestHandler: dynamoDb.requestHandler,
    });
    clients.push(client);
    return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  };
  /** The test's own, which neither faults strike nor counts count. */
  const own = connectAs("TEST");

  const sockets = createTestSockets(now);
  let logged: { readonly level: keyof Log; readonly message: string; readonly fields: unknown }[] = [];
  const write = (level: keyof Log) => (message: string, fields?: unknown) => {
    logged.push({ level, message, fields });
  };
  const measured: { name: MetricName; value: number; code?: string; operation?: string }[] = [];
  let chance = 1;
  const core: Core = {
    db: connectAs("CORE"),
    tables,
    settings: defaults,
    sockets: sockets.port,
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    metrics: { record: (name, value, by) => measured.push({ name, value, ...by }) },
    signingKey,
    now,
    random: (below) => {
      chance = (Math.imul(chance, 1_103_515_245) + 12_345) >>> 0;
      return (chance >>> 8) % below;
    },
  };

  /**
   * A process of its own. `before` is called before each of its calls to tables and sockets, and may hold the call up
   * or fail it.
   */
  const process = (
    before: (call: Pick<Call, "name" | "target">) => Promise<void> | void,
    settings: Partial<Settings> = {},
  ): Core & { readonly calls: readonly Call[] } => {
    const calls: Call[] = [];
    let moment = 0;
    const around = async <Result>(name: string, target: string, act: () => Promise<Result>) => {
      moment += 1;
      const call: Call = { name, target, begun: moment, ended: Number.POSITIVE_INFINITY };
      await before(call);
      calls.push(call);
      try {
        return await act();
      } finally {
        moment += 1;
        call.ended = moment;
      }
    };
    const db = connectAs("CORE");
    db.middlewareStack.add(
      (next, context) => (args) => {
        const target = "TableName" in args.input ? String(args.input.TableName) : "";
        return around(String(context.commandName).replace("Command", ""), target, () => next(args));
      },
      { step: "initialize", name: "observed" },
    );
    const { port } = sockets;
    return {
      ...core,
      settings: { ...defaults, ...settings },
      calls,
      db,
      sockets: {
        send: (id, frame) => around("send", id, () => port.send(id, frame)),
        close: (id) => around("close", id, () => port.close(id)),
        lastActiveAt: (id) => around("lastActiveAt", id, () => port.lastActiveAt(id)),
      },
    };
  };

  const scan = async (table: keyof Tables): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    const pages = paginateScan({ client: own }, { TableName: tables[table], ConsistentRead: true });
    for await (const page of pages) items.push(...(page.Items ?? []));
    return items;
  };

  const write25 = async (table: keyof Tables, requests: readonly Record<string, unknown>[]) => {
    for (let start = 0; start < requests.length; start += 25) {
      await own.send(
        new BatchWriteCommand({ RequestItems: { [tables[table]]: requests.slice(start, start + 25) } }),
      );
    }
  };

  const plant = (table: keyof Tables, ...rows: readonly Record<string, unknown>[]): Promise<void> =>
    write25(
      table,
      rows.map((Item) => ({ PutRequest: { Item } })),
    );

  /** Makes these the table's only rows. */
  const refill = async (table: keyof Tables, rows: readonly Record<string, unknown>[]): Promise<void> => {
    const key = keys[table];
    const present = new Map((await scan(table)).map((row) => [row[key], row]));
    const wanted = new Set(rows.map((row) => row[key]));
    await write25(table, [
      ...[...present.keys()]
        .filter((id) => !wanted.has(id))
        .map((id) => ({ DeleteRequest: { Key: { [key]: id } } })),
      ...rows
        .filter((row) => !isDeepStrictEqual(row, present.get(row[key])))
        .map((Item) => ({ PutRequest: { Item } })),
    ]);
  };

  const readers = [tables.sessions, tables.connections].map((name) => {
    const stream = dynamoDb.streams.get(streamed(name).arn);
    if (!stream) throw new Error(`${name} has a stream`);
    return { name, reader: stream.open("TRIM_HORIZON", () => undefined) };
  });

  /** The changes of both tables that were not taken yet. */
  const changes = () =>
    readers.flatMap(({ name, reader }) =>
      reader.take().map((entry) => {
        reader.finish(entry);
        const { eventName, dynamodb, userIdentity } = entry.record;
        const image = (item: typeof dynamodb.NewImage) =>
          item && unmarshall(item as Parameters<typeof unmarshall>[0]);
        return {
          table: name,
          eventName,
          byTtl: userIdentity !== undefined,
          before: image(dynamodb.OldImage),
          after: image(dynamodb.NewImage),
          changedAt: clock.at,
        };
      }),
    );

  /** Does with some changes what the stream's functions do. */
  const handle = async (pending: ReturnType<typeof changes>, by: Core = core): Promise<void> => {
    const outcomes = await Promise.allSettled(
      pending.map(({ table, ...change }) =>
        table === tables.connections ? onConnectionChange(by, change) : Announce.onSessionChange(by, change),
      ),
    );
    const failed = outcomes.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  };

  /** Deals with all changes, until nothing changes any more. */
  const deliver = async (by: Core = core): Promise<void> => {
    for (let pending = changes(); pending.length > 0; pending = changes()) await handle(pending, by);
  };

  const snapshot = async (): Promise<Snapshot> => ({
    rows: {
      sessions: await scan("sessions"),
      connections: await scan("connections"),
      rateLimits: await scan("rateLimits"),
    },
    sockets: sockets.snapshot(),
    at: clock.at,
  });

  const restore = async ({ rows, sockets: open, at }: Snapshot): Promise<void> => {
    for (const table of ["sessions", "connections", "rateLimits"] as const) {
      await refill(table, rows[table]);
    }
    sockets.restore(open);
    clock.at = at;
    for (const end of endings) end();
    endings = [];
    requests = [];
    logged = [];
    changes();
  };

  const session = async (sessionId: string): Promise<Session> => {
    const row = (await scan("sessions")).find((candidate) => candidate.sessionId === sessionId);
    return v.parse(sessionSchema, row);
  };

  const connection = async (connectionId: string): Promise<ConnectionRow | undefined> => {
    const row = (await scan("connections")).find((candidate) => candidate.connectionId === connectionId);
    return row && v.parse(connectionSchema, row);
  };

  const arrival = (connectionId: string, more: Partial<Arrival> = {}): Arrival => ({
    connectionId,
    connectedAt: clock.at,
    requestedAt: clock.at - 20,
    requestId: `request of ${connectionId}`,
    // Each its own, so that limits concern only the tests that are about them.
    address: `address of ${connectionId}`,
    userId: undefined,
    ...more,
  });

  /** A handshake as the function sees it; once it is through, its socket is open. */
  const shake = async (
    by: Core,
    query: Record<string, string>,
    from: Arrival,
    refusal?: Parameters<typeof connect>[1]["refusal"],
  ): Promise<void> => {
    await connect(by, { arrival: from, query, refusal });
    sockets.open(from.connectionId);
  };

  /** Opens a session for `alice`, and returns its id. */
  const create = async (
    connectionId = "speaker",
    { by = core, from = {}, ...query }: Options & { by?: Core; from?: Partial<Arrival> } = {},
  ): Promise<SessionId> => {
    const request = { action: "createSession", sourceLanguage: "en", ...strings(query) };
    await shake(by, request, arrival(connectionId, { userId: "alice", ...from }));
    const row = await connection(connectionId);
    if (row?.role !== "speaker") throw new Error("The speaker has no row");
    return row.sessionId;
  };

  const join = (
    sessionId: string,
    connectionId: string,
    { by = core, from = {}, ...query }: Options & { by?: Core; from?: Partial<Arrival> } = {},
  ): Promise<void> => {
    const request = { action: "joinSession", sessionId, targetLanguage: "es", ...strings(query) };
    return shake(by, request, arrival(connectionId, from));
  };

  const refresh = (
    sessionId: string,
    role: "speaker" | "listener",
    connectionId: string,
    { by = core, from = {}, ...query }: Options & { by?: Core; from?: Partial<Arrival> } = {},
  ): Promise<void> => {
    const language = role === "listener" ? { targetLanguage: "es" } : {};
    const request = { action: "refreshConnection", sessionId, role, ...language, ...strings(query) };
    const from1 = arrival(connectionId, role === "speaker" ? { userId: "alice", ...from } : from);
    return shake(by, request, from1);
  };

  /** The client's socket ends with this code (`undefined`: nobody knows), and the function hears of it. */
  const leave = async (connectionId: string, code: number | undefined, by: Core = core): Promise<void> => {
    sockets.drop(connectionId);
    const row = await connection(connectionId);
    await Connection.leave(by, connectionId, { code, ageMs: clock.at - (row?.connectedAt ?? clock.at) });
  };

  return {
    core,
    tables,
    sockets,
    /** Strikes the domain's requests, not the test's own, until the fault is ended, at the latest by `reset`. */
    inject: ({ match, ...fault }: Parameters<typeof dynamoDb.faults.inject>[0]): (() => void) => {
      const end = dynamoDb.faults.inject({ ...fault, match: { accessKeyId: "CORE", ...match } });
      endings.push(end);
      return end;
    },
    delayIndexes: (ms: number) => dynamoDb.faults.delayIndexes(ms),
    sweep: () => dynamoDb.sweep(),
    now,
    /** Moves the time on. */
    pass: (ms: number) => {
      clock.at += ms;
    },
    with: (settings: Partial<Settings>): Core => ({ ...core, settings: { ...defaults, ...settings } }),
    process,
    /** A process that dies after so many calls: nothing of it happens any more. */
    dying: (calls: number, settings: Partial<Settings> = {}) => {
      let made = 0;
      const by = process(() => {
        made += 1;
        if (made > calls) throw new Killed();
      }, settings);
      return Object.assign(by, { died: () => made > calls });
    },
    /** The requests of the domain that DynamoDB has seen. */
    requests: () => requests,
    forgetRequests: () => {
      requests = [];
    },
    log: () => logged,
    measured,
    rows: scan,
    plant,
    session,
    connection,
    arrival,
    shake,
    create,
    join,
    refresh,
    leave,
    changes,
    handle,
    deliver,
    snapshot,
    restore,
    /** Begins anew. */
    reset: () =>
      restore({
        rows: { sessions: [], connections: [], rateLimits: [] },
        sockets: new Map(),
        at: midnight,
      }),
    close: async () => {
      for (const client of clients) client.destroy();
      await dynamoDb.close();
    },
  };
};

export type Stage = Awaited<ReturnType<typeof startStage>>;

interface Options {
  readonly [parameter: string]: unknown;
}

const strings = (query: Options): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));

/** The one frame of this type that a client has got. */
export const frameOf = <Type extends ServerFrame["type"]>(
  { sockets }: Pick<Stage, "sockets">,
  connectionId: string,
  type: Type,
): FrameOf<Type> => {
  const found = sockets.of(connectionId).frames.filter((frame) => frame.type === type);
  const [frame] = found;
  if (!frame || found.length > 1) throw new Error(`${found.length} frames ${type} for ${connectionId}`);
  return frame as FrameOf<Type>;
};

/** A row as a speaker's or a listener's connection has it. */
export const connectionRow = (row: Partial<ConnectionRow> & { readonly connectionId: string }) => ({
  connectedAt: midnight,
  requestedAt: midnight - 20,
  addressHash: "hash",
  ttl: (midnight + 3 * hour) / 1000,
  ...row,
});

/**
 * What of the invariants does not hold, in words, when the streams have been dealt with. `settled`: nothing has happened
 * for so long that every row must have its open socket and every open socket its row.
 */
export const violations = async (
  stage: Stage,
  { settled = true, capacity = defaults.maxListenersPerSession } = {},
): Promise<string[]> => {
  const sessions = v.parse(v.array(sessionSchema), await stage.rows("sessions"));
  const connections = v.parse(v.array(connectionSchema), await stage.rows("connections"));
  const now = stage.now();
  const byId = new Map(connections.map((row) => [row.connectionId, row]));
  const found: string[] = [];
  const speakers = sessions.filter(({ isActive }) => isActive).map((row) => row.speakerConnectionId);
  if (new Set(speakers).size < speakers.length) found.push("1: a connection speaks for two sessions");
  for (const { sessionId, isActive, listenerCount, seatsChangedAt, ...session } of sessions) {
    const rows = connections.filter((row) => row.role !== "refused" && row.sessionId === sessionId);
    const listeners = rows.filter(({ role }) => role === "listener").length;
    const most = capacity + Math.max(10, Math.ceil(capacity * 0.05));
    if (listenerCount < 0 || listenerCount > most) found.push(`2: ${sessionId} counts ${listenerCount}`);
    if (isActive && listenerCount !== listeners) {
      found.push(`2: ${sessionId} counts ${listenerCount} listeners, and there are ${listeners}`);
    }
    if (!isActive && listenerCount !== 0) found.push(`2: ${sessionId} has ended and counts ${listenerCount}`);
    if (!isActive && now - seatsChangedAt >= minute && rows.length > 0) {
      found.push(
        `4: ${sessionId} ended a minute ago and has ${rows.map(({ connectionId }) => connectionId)}`,
      );
    }
    const speaks = byId.get(session.speakerConnectionId);
    if (isActive && session.graceUntil === undefined && speaks?.role !== "speaker") {
      found.push(`7: ${sessionId} has no speaker and no grace`);
    }
    if (isActive && session.graceUntil !== undefined && session.graceUntil + minute < now) {
      found.push(`7: ${sessionId} outlives its grace`);
    }
    if (isActive && session.expiresAt * 1000 + minute < now) found.push(`7: ${sessionId} outlives its time`);
  }
  const known = new Set<string>(sessions.map(({ sessionId }) => sessionId));
  for (const row of connections) {
    if (row.role !== "refused" && !known.has(row.sessionId))
      found.push(`4: ${row.connectionId} has no session`);
  }
  if (!settled) return found;
  for (const session of sessions.filter(({ isActive }) => isActive)) {
    for (const row of connections) {
      if (row.role !== "speaker" || row.sessionId !== session.sessionId) continue;
      if (!isSpeaker(session, row.connectionId))
        found.push(`1: ${row.connectionId} speaks beside the speaker`);
    }
  }
  const open = new Set(stage.sockets.opened());
  for (const id of open) if (!byId.has(id)) found.push(`4: socket ${id} is open and nobody knows it`);
  for (const id of byId.keys()) if (!open.has(id)) found.push(`7: ${id} has a row and no socket`);
  return found;
};
