import {
  consumedByEngine,
  consumedByRefusedWrite,
  consumedByWrite,
  consumedCapacity,
  total,
} from "./capacity.js";
import { ask, type EngineAnswer, type EngineReply } from "./engine.js";
import { checkOption, checkOptions } from "./error.js";
import { type Item, pick, withCanonicalNumbers } from "./item.js";
import {
  type Answer,
  answer,
  passOn,
  publish,
  type Request,
  readItem,
  type Store,
  type Table,
  tableOf,
} from "./store.js";
import { emptyIndexKey, keyNames, keyOf } from "./table.js";

/** A single write without its options: the proxy answers those from the item's images, alike for both engines. */
interface Write {
  readonly store: Store;
  readonly table: Table;
  readonly request: Request;
  /** The request as the engine gets it. */
  readonly rest: Request;
}

/** A single write; those of one item are done one after the other. */
export const write = async (
  store: Store,
  operation: "PutItem" | "UpdateItem" | "DeleteItem",
  request: Request,
): Promise<Answer> => {
  if (typeof request.TableName !== "string") return passOn(store, operation, request);
  const table = tableOf(store, request.TableName);
  const key = keyOf(table.definition, operation === "PutItem" ? request.Item : request.Key);
  if (key === undefined) return passOn(store, operation, request);
  checkOptions(request);
  const { ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, ...rest } = request;
  return store.lock.run([key], () => writers[operation]({ store, table, request, rest }));
};

const put = async ({ store, table, request, rest }: Write): Promise<Answer> => {
  checkOption(request, "ReturnValues", ["ALL_OLD", "NONE"]);
  const refusal = emptyIndexKey(table.definition, request.Item);
  if (refusal) throw refusal;
  const Item = withCanonicalNumbers(request.Item);
  const result = await store.engine.send("PutItem", { ...rest, Item, ReturnValues: "ALL_OLD" });
  // The engine has accepted it, so it is an item.
  const after = Item as Item;
  if (result.status !== 200) return refused({ store, table, request, rest }, result, after);
  const before = result.reply.Attributes;
  publish(table, { before, after });
  return written(table, request, result.reply, { before, after }, before);
};

const remove = async ({ store, table, request, rest }: Write): Promise<Answer> => {
  checkOption(request, "ReturnValues", ["ALL_OLD", "NONE"]);
  const result = await store.engine.send("DeleteItem", { ...rest, ReturnValues: "ALL_OLD" });
  if (result.status !== 200) return refused({ store, table, request, rest }, result);
  const before = result.reply.Attributes;
  publish(table, { before, after: undefined });
  return written(table, request, result.reply, { before, after: undefined }, before);
};

const update = async (step: Write): Promise<Answer> => {
  const { store, table, request, rest } = step;
  checkOption(request, "ReturnValues", ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"]);
  // Without a stream or an index no image is needed, and the engine's own count is right.
  if (!table.stream && table.definition.globalIndexes.length === 0) return updateOnly(step);
  const asked = String(request.ReturnValues ?? "NONE");
  const before = await readItem(store, table, request.Key);
  // Only the engine knows which attributes were updated. In all other cases its reply can be the whole new image.
  const ReturnValues = asked.startsWith("UPDATED_") ? asked : "ALL_NEW";
  const result = await store.engine.send("UpdateItem", { ...rest, ReturnValues });
  if (result.status !== 200) return refused(step, result, undefined, { existing: before });
  const after =
    ReturnValues === "ALL_NEW" ? result.reply.Attributes : await readItem(store, table, request.Key);
  const refusal = emptyIndexKey(table.definition, after);
  if (refusal) {
    await restore(step, before);
    throw refusal;
  }
  publish(table, { before, after });
  return written(
    table,
    request,
    result.reply,
    { before, after },
    asked === "ALL_OLD" ? before : result.reply.Attributes,
  );
};

const updateOnly = async (step: Write): Promise<Answer> => {
  const { store, table, request, rest } = step;
  const result = await store.engine.send("UpdateItem", { ...rest, ReturnConsumedCapacity: "TOTAL" });
  if (result.status !== 200) return refused(step, result);
  const consumed = consumedByEngine(table.definition.name, result.reply.ConsumedCapacity, 1);
  const ConsumedCapacity = consumedCapacity(consumed, request.ReturnConsumedCapacity);
  return answer({ ...result.reply, ConsumedCapacity }, { writeUnits: total(consumed) });
};

const writers = { PutItem: put, UpdateItem: update, DeleteItem: remove } as const;

const written = (
  table: Table,
  request: Request,
  reply: EngineReply,
  { before, after }: { before: Item | undefined; after: Item | undefined },
  attributes: Item | undefined,
): Answer => {
  const consumed = consumedByWrite(table.definition, before, after);
  const asked = request.ReturnValues ?? "NONE";
  return answer(
    {
      ...reply,
      Attributes: asked === "NONE" ? undefined : attributes,
      ConsumedCapacity: consumedCapacity(consumed, request.ReturnConsumedCapacity),
    },
    { writeUnits: total(consumed) },
  );
};

/** The engine's refusal. After a failed condition the item comes with it when asked for, which dynalite does not do. */
const refused = async (
  { store, table, request }: Write,
  { status, reply }: EngineAnswer,
  proposed?: Item,
  known?: { readonly existing: Item | undefined },
): Promise<Answer> => {
  if (!reply.__type?.endsWith("#ConditionalCheckFailedException")) return answer(reply, { status });
  // Still under the item's lock: this is the very item that the condition was tried on.
  const existing = known ? known.existing : await readItem(store, table, request.Key ?? request.Item);
  const asked = request.ReturnValuesOnConditionCheckFailure === "ALL_OLD";
  const consumed = consumedByRefusedWrite(table.definition, existing, proposed);
  return answer(asked && existing ? { ...reply, Item: existing } : reply, {
    status,
    writeUnits: total(consumed),
  });
};

/** Undoes an update that AWS would have refused: only the result shows it. The item's lock keeps other writers out. */
const restore = async ({ store, table, request }: Write, before: Item | undefined): Promise<void> => {
  const TableName = table.definition.name;
  const Key = pick(Object(request.Key), keyNames(table.definition));
  if (before) await ask(store.engine, "PutItem", { TableName, Item: before });
  else await ask(store.engine, "DeleteItem", { TableName, Key });
};
