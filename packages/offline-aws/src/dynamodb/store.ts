import type { Engine } from "./engine.js";
import { ask } from "./engine.js";
import { DynamoDbError } from "./error.js";
import type { IndexCopy } from "./index-copy.js";
import type { Item } from "./item.js";
import type { KeyLock } from "./key-lock.js";
import type { Change, StreamLog } from "./stream.js";
import { keyNames, type TableDefinition } from "./table.js";

/** A table, and the state that the proxy keeps for it outside the engine. */
export interface Table {
  readonly definition: TableDefinition;
  readonly stream: StreamLog | undefined;
  /** Where indexes are read while they are made to lag. */
  indexCopy: IndexCopy | undefined;
}

export interface Store {
  readonly engine: Engine;
  readonly lock: KeyLock;
  readonly tables: ReadonlyMap<string, Table>;
}

/** A client's request: a JSON object, not validated yet. */
export type Request = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly readUnits: number;
  readonly writeUnits: number;
}

export const answer = (
  body: object | string,
  { status = 200, readUnits = 0, writeUnits = 0 }: Partial<Omit<Answer, "body">> = {},
): Answer => ({
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  readUnits,
  writeUnits,
});

/** The table of that name. The engine may hold others, such as lagging copies: clients must not reach them. */
export const tableOf = ({ tables }: Store, name: string): Table => {
  const table = tables.get(name);
  if (!table) throw new DynamoDbError("ResourceNotFoundException", "Requested resource not found");
  return table;
};

/** Sends a malformed request to the engine unchanged, so that DynamoDB's own words refuse it. */
export const passOn = async ({ engine }: Store, operation: string, request: Request): Promise<Answer> => {
  const { status, reply } = await engine.send(operation, request);
  return answer(reply, { status });
};

/** The item as it is at this moment. */
export const readItem = async (
  { engine }: Store,
  { definition }: Table,
  attributes: unknown,
): Promise<Item | undefined> => {
  const Key = Object.fromEntries(
    keyNames(definition).map((name) => [name, Reflect.get(Object(attributes), name)]),
  );
  return (await ask(engine, "GetItem", { TableName: definition.name, Key, ConsistentRead: true })).Item;
};

/** Reports a write to the table's stream and to its lagging copy. The caller holds the item's lock. */
export const publish = (table: Table, change: Change): void => {
  table.stream?.append(change);
  table.indexCopy?.append(change);
};
