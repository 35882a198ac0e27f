import type { Clock } from "../clock.js";
import type { Authorize } from "../iam.js";
import { type LocalServer, listen } from "../server.js";
import { ask, createTable } from "./engine.js";
import { startDynalite } from "./engine-dynalite.js";
import { startDynamoDbLocal } from "./engine-dynamodb-local.js";
import { createFaultList, type Faults } from "./faults.js";
import { createHandler, type RequestRecord } from "./handler.js";
import { startIndexCopy } from "./index-copy.js";
import type { Item } from "./item.js";
import { createKeyLock } from "./key-lock.js";
import { createPauses } from "./pauses.js";
import { createRequestHandler, type RequestHandler } from "./request-handler.js";
import { createExchange, serve } from "./server.js";
import type { Store, Table } from "./store.js";
import { createStream, type Stream } from "./stream.js";
import { createTableRequest, type TableDefinition } from "./table.js";
import { sweepTable } from "./time-to-live.js";

export interface DynamoDbOptions {
  /** `dynalite` runs in this process; `dynamodb-local` is Amazon's own and needs Java 17. */
  readonly engine: "dynalite" | "dynamodb-local";
  /** 0 takes any free port; or a server that listens already, which closes with this. */
  readonly port: number | LocalServer;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly authorize: Authorize;
  readonly tables: readonly TableDefinition[];
  /** Called for every request of a client, just before it is answered. */
  readonly onRequest?: (record: RequestRecord) => void;
}

export interface DynamoDb {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /**
   * For an SDK client of this process, in place of a socket: `new DynamoDBClient({ endpoint, requestHandler, … })`. It
   * passes the same permissions, faults and counting as the port does.
   */
  readonly requestHandler: RequestHandler;
  /** By stream ARN. */
  readonly streams: ReadonlyMap<string, Stream>;
  readonly faults: Faults;
  /** The first `limit` items of a table, for observers: not counted, not charged, struck by no fault. */
  items(table: string, limit: number): Promise<readonly Item[]>;
  /** Deletes expired items, as the TTL service does from time to time. Resolves to how many. */
  sweep(): Promise<number>;
  close(): Promise<void>;
}

/** A DynamoDB in memory, with the streams, TTL, permissions and cost of the real one. */
export const startDynamoDb = async (options: DynamoDbOptions): Promise<DynamoDb> => {
  const { clock, region } = options;
  const engine = await (options.engine === "dynalite" ? startDynalite() : startDynamoDbLocal());
  const tables = new Map<string, Table>();
  const store: Store = { engine, lock: createKeyLock(), tables };
  const faults = createFaultList();
  const pauses = createPauses(clock);
  const indexes = createIndexDelay(store, clock);
  try {
    for (const definition of options.tables) {
      await createTable(engine, createTableRequest(definition));
      const { name, stream } = definition;
      const log = stream && createStream(definition, stream, { region, clock });
      tables.set(name, { definition, stream: log, indexCopy: undefined });
    }
    const server = typeof options.port === "number" ? await listen(options.port) : options.port;
    const exchange = createExchange(
      createHandler({
        ...options,
        store,
        faults,
        delay: (ms) => pauses.start(ms).over,
        onRequest: options.onRequest,
      }),
    );
    serve(server, exchange);
    return {
      requestHandler: createRequestHandler(exchange),
      endpoint: `http://127.0.0.1:${server.port}`,
      streams: new Map([...tables.values()].flatMap(({ stream }) => (stream ? [[stream.arn, stream]] : []))),
      faults: { inject: faults.inject, delayIndexes: indexes.delay },
      async items(table, limit) {
        const { Items = [] } = await ask(engine, "Scan", { TableName: table, Limit: limit });
        return Items;
      },
      async sweep() {
        let deleted = 0;
        for (const table of tables.values()) deleted += await sweepTable(store, table, clock.now());
        return deleted;
      },
      async close() {
        pauses.end();
        await server.close();
        await indexes.end();
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
};

const createIndexDelay = (store: Store, clock: Clock) => {
  const end = (): Promise<void> =>
    store.lock.runAlone(async () => {
      for (const table of store.tables.values()) {
        const copy = table.indexCopy;
        table.indexCopy = undefined;
        await copy?.close();
      }
    });
  const delay = async (ms: number): Promise<() => Promise<void>> => {
    await end();
    await store.lock.runAlone(async () => {
      for (const table of store.tables.values()) {
        if (table.definition.globalIndexes.length === 0) continue;
        table.indexCopy = await startIndexCopy(store.engine, table.definition, { clock, ms });
      }
    });
    return end;
  };
  return { delay, end };
};
