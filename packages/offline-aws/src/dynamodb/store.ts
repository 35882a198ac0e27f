import type { Engine } from "./engine.js";
import { ask } from "./engine.js";
import { DynamoDbError } from "./error.js";
import type { IndexCopy } from "./index-copy.js";
import type { Item } from "./item.js";
import type { KeyLock } from "./key-lock.js";
import type { Change, StreamLog } from "./stream.js";
import { keyNames, type TableDefinition } from "./table.js";

/** A table with what the proxy keeps beside the engine. */
export interface Table {
  readonly definition: TableDefinition;
  readonly stream: StreamLog | undefined;
  /** Changed by UpdateTimeToLive. */
  ttlAttribute: string | undefined;
  /** Where indexes are read while they are made to lag. */
  indexCopy: IndexCopy | undefined;
}

export interface Store {
  readonly engine: Engine;
  readonly lock: KeyLock;
  readonly tables: ReadonlyMap<string, Table>;
}

/** A client's request: a JSON object that nobody has looked at yet. */
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

/** Every name must be a table's; the engine is asked only about tables that the stack declares. */
export const tableOf = ({ tables }: Store, name: string): Table => {
  const table = tables.get(name);
  if (!table) throw new DynamoDbError("ResourceNotFoundException", "Requested resource not found");
  return table;
};

/** Hands a request to the engine as it is, for the engine to refuse it in its own words. */
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

/** Tells everyone who follows a table what a write did. To be called under the item's lock. */
export const publish = (table: Table, change: Change): void => {
  table.stream?.append(change);
  table.indexCopy?.append(change);
};
