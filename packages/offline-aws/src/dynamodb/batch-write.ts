import { type Consumed, consumedByWrite, sumOf, total } from "./capacity.js";
import { checkOptions } from "./error.js";
import { type Item, withCanonicalNumbers } from "./item.js";
import { perTable } from "./read.js";
import {
  type Answer,
  answer,
  publish,
  type Request,
  readItem,
  type Store,
  type Table,
  tableOf,
} from "./store.js";
import { emptyIndexKey, keyOf } from "./table.js";

interface Part {
  readonly table: Table;
  readonly key: string;
  /** The key, or an item with its key. */
  readonly attributes: unknown;
  readonly after: unknown;
}

/**
 * BatchWriteItem: the engine gets the batch whole, so that it refuses a bad one whole as AWS does; the old images are
 * read before, under the locks of all items.
 */
export const batchWrite = async (store: Store, request: Request): Promise<Answer> => {
  checkOptions(request);
  const { ReturnConsumedCapacity: asked, ...rest } = request;
  const canonical = { ...rest, RequestItems: withCanonicalNumbers(request.RequestItems) };
  const parts = partsOf(store, canonical.RequestItems);
  const keys = [...new Set(parts.map(({ key }) => key))];
  return store.lock.run(keys, async () => {
    const before = await Promise.all(
      parts.map(({ table, attributes }) => readItem(store, table, attributes)),
    );
    const { status, reply } = await store.engine.send("BatchWriteItem", canonical);
    if (status !== 200) return answer(reply, { status });
    const unprocessed = new Set(partsOf(store, reply.UnprocessedItems).map(({ key }) => key));
    const consumed = new Map<string, Consumed[]>();
    for (const [index, { table, key, after }] of parts.entries()) {
      if (unprocessed.has(key)) continue;
      // The engine has taken the batch, so what it puts are items.
      const change = { before: before[index], after: after as Item | undefined };
      publish(table, change);
      const name = table.definition.name;
      consumed.set(name, [
        ...(consumed.get(name) ?? []),
        consumedByWrite(table.definition, change.before, change.after),
      ]);
    }
    const sums = [...consumed].map(([name, of]) => sumOf(name, of));
    return answer(
      { ...reply, ConsumedCapacity: perTable(sums, asked) },
      { writeUnits: sums.reduce((units, sum) => units + total(sum), 0) },
    );
  });
};

/** The writes that have a valid key; for the others the engine will refuse the batch. */
const partsOf = (store: Store, requestItems: unknown): Part[] =>
  Object.entries(Object(requestItems)).flatMap(([name, writes]) => {
    const table = tableOf(store, name);
    const { definition } = table;
    return (Array.isArray(writes) ? writes : []).flatMap((write: unknown) => {
      const item: unknown = Reflect.get(Object(Reflect.get(Object(write), "PutRequest")), "Item");
      const attributes = item ?? Reflect.get(Object(Reflect.get(Object(write), "DeleteRequest")), "Key");
      const refusal = emptyIndexKey(definition, item);
      if (refusal) throw refusal;
      const key = keyOf(definition, attributes);
      return key === undefined ? [] : [{ table, key, attributes, after: item }];
    });
  });
