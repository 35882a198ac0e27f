import type { FrameOf, ServerFrame, SessionId } from "@lectern/protocol";
import * as v from "valibot";
import { afterAll, beforeEach } from "vitest";
import type { Core, Log } from "../port/core.js";
import type { MetricName } from "../port/metric.js";
import { type Connection, connectionSchema } from "../store/connection.table.js";
import { type Session, sessionSchema } from "../store/session.table.js";
import { onSessionChange } from "../stream/announce.js";
import { onConnectionChange } from "../stream/welcome.js";
import type { Settings } from "../value/settings.js";
import { clientsOf } from "./clients.js";
import { createFakeSockets } from "./fake-sockets.js";
import { Killed, processesOf } from "./process.js";
import { tables } from "./table-definition.js";
import { noRows, type Rows, startTables } from "./tables.js";
import { defaults, midnight, signingKey } from "./values.js";

/** All rows, all sockets and the time. */
interface Snapshot {
  readonly rows: Rows;
  readonly sockets: ReturnType<ReturnType<typeof createFakeSockets>["snapshot"]>;
  readonly at: number;
}

/** The domain with tables on an embedded engine, sockets in memory, and a clock that tests set. */
const startStage = async () => {
  const clock = { at: midnight };
  const now = () => clock.at;
  const store = await startTables(now);
  const sockets = createFakeSockets(now);
  let endFaults: (() => void)[] = [];
  let logged: { readonly level: keyof Log; readonly message: string; readonly fields: unknown }[] = [];
  const write = (level: keyof Log) => (message: string, fields?: unknown) => {
    logged.push({ level, message, fields });
  };
  const measured: { name: MetricName; value: number; code?: string; operation?: string }[] = [];
  let chance = 1;
  const core: Core = {
    db: store.db,
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
  const process = processesOf(core);

  const connection = async (connectionId: string): Promise<Connection | undefined> => {
    const found = await store.row("connections", connectionId);
    return found && v.parse(connectionSchema, found);
  };

  /** Handles some changes as the stream's functions do. */
  const handle = async (pending: ReturnType<typeof store.changes>, by: Core = core): Promise<void> => {
    const outcomes = await Promise.allSettled(
      pending.map(({ table, ...change }) =>
        table === tables.connections ? onConnectionChange(by, change) : onSessionChange(by, change),
      ),
    );
    const failed = outcomes.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  };

  /** Handles all changes, until nothing changes any more. */
  const deliver = async (by: Core = core): Promise<void> => {
    for (let pending = store.changes(); pending.length > 0; pending = store.changes()) {
      await handle(pending, by);
    }
  };

  const clients = clientsOf(core, sockets, connection);

  /** Opens a session with these listeners, all welcomed, and returns its id. Its speaker is `speaker`. */
  const opened = async (...listeners: string[]): Promise<SessionId> => {
    const sessionId = await clients.create();
    for (const id of listeners) await clients.join(sessionId, id);
    await deliver();
    return sessionId;
  };

  const restore = async ({ rows, sockets: open, at }: Snapshot): Promise<void> => {
    for (const end of endFaults) end();
    endFaults = [];
    await store.replaceAll(rows);
    sockets.restore(open);
    clock.at = at;
    store.forgetRequests();
    logged = [];
  };

  return {
    core,
    tables,
    sockets,
    ...clients,
    rows: store.rows,
    plant: store.plant,
    session: async (sessionId: string): Promise<Session> =>
      v.parse(sessionSchema, await store.row("sessions", sessionId)),
    connection,
    /** Strikes the domain's requests, not the test's own, until the returned function or the next reset ends it. */
    inject: ({ match, ...fault }: Parameters<typeof store.faults.inject>[0]): (() => void) => {
      const end = store.faults.inject({ ...fault, match: { accessKeyId: "CORE", ...match } });
      endFaults.push(end);
      return end;
    },
    delayIndexes: (ms: number) => store.faults.delayIndexes(ms),
    sweep: store.sweep,
    now,
    /** Moves the time on. */
    pass: (ms: number) => {
      clock.at += ms;
    },
    with: (settings: Partial<Settings>): Core => ({ ...core, settings: { ...defaults, ...settings } }),
    process,
    /** A process that dies after this many calls: all later calls fail. */
    dying: (calls: number, settings: Partial<Settings> = {}) => {
      let made = 0;
      const by = process(() => {
        made += 1;
        if (made > calls) throw new Killed();
      }, settings);
      return Object.assign(by, { died: () => made > calls });
    },
    requests: store.requests,
    forgetRequests: store.forgetRequests,
    log: () => logged,
    measured,
    changes: store.changes,
    handle,
    deliver,
    opened,
    snapshot: async (): Promise<Snapshot> => ({
      rows: {
        sessions: await store.rows("sessions"),
        connections: await store.rows("connections"),
        rateLimits: await store.rows("rateLimits"),
      },
      sockets: sockets.snapshot(),
      at: clock.at,
    }),
    restore,
    reset: () => restore({ rows: noRows, sockets: new Map(), at: midnight }),
    close: store.close,
  };
};

export type Stage = Awaited<ReturnType<typeof startStage>>;

/** The stage of a test file: started once, empty before every test, closed after the last. */
export const useStage = async (): Promise<Stage> => {
  const stage = await startStage();
  beforeEach(() => stage.reset());
  afterAll(() => stage.close());
  return stage;
};

/** The one frame of this type that a client has received. */
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

/** Lets this many listeners join a session of this capacity at the same time. */
export const joinAtOnce = async (stage: Stage, listeners: number, capacity: number) => {
  const by = stage.with({ maxListenersPerSession: capacity });
  const sessionId = await stage.create();
  const outcomes = await Promise.all(
    Array.from({ length: listeners }, (_, n) =>
      stage.join(sessionId, `listener ${n}`, { by }).then(
        () => "seated",
        ({ code, details }) => `${code} ${details.sessionId}`,
      ),
    ),
  );
  return { sessionId, outcomes };
};
