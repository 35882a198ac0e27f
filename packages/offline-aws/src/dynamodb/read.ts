import { type Consumed, consumedByEngine, consumedCapacity, total } from "./capacity.js";
import type { EngineReply } from "./engine.js";
import { checkOptions } from "./error.js";
import { type Answer, answer, passOn, type Request, type Store, tableOf } from "./store.js";

/** GetItem, Query and Scan: the engine reads and counts. */
export const read = async (
  store: Store,
  operation: "GetItem" | "Query" | "Scan",
  request: Request,
): Promise<Answer> => {
  const { TableName: name, IndexName: index, ReturnConsumedCapacity: asked, ...rest } = request;
  if (typeof name !== "string") return passOn(store, operation, request);
  const table = tableOf(store, name);
  checkOptions(request);
  const send = (from: string) =>
    store.engine.send(operation, {
      ...rest,
      TableName: from,
      IndexName: index,
      ReturnConsumedCapacity: "INDEXES",
    });
  const copy = index === undefined ? undefined : table.indexCopy;
  const { status, reply } = await (copy ? copy.read(send) : send(name));
  if (status !== 200) return answer(reply, { status });
  const consumed = consumedByEngine(name, reply.ConsumedCapacity, least(request));
  return counted(reply, consumedCapacity(consumed, asked), [consumed]);
};

export const batchGet = async (store: Store, request: Request): Promise<Answer> => {
  const { ReturnConsumedCapacity: asked, ...rest } = request;
  for (const name of Object.keys(Object(request.RequestItems))) tableOf(store, name);
  checkOptions(request);
  const { status, reply } = await store.engine.send("BatchGetItem", {
    ...rest,
    ReturnConsumedCapacity: "INDEXES",
  });
  if (status !== 200) return answer(reply, { status });
  const capacities: readonly unknown[] = Array.isArray(reply.ConsumedCapacity) ? reply.ConsumedCapacity : [];
  const consumed = Object.entries(Object(request.RequestItems)).map(([name, asks]) => {
    const capacity = capacities.find((one) => field(one, "TableName") === name);
    const { base } = consumedByEngine(name, capacity, 0);
    const answered =
      count(field(reply.Responses, name)) + count(field(field(reply.UnprocessedKeys, name), "Keys"));
    const missing = store.engine.countsMissingInBatch ? 0 : count(field(asks, "Keys")) - answered;
    return { table: name, base: base + missing * least(asks), indexes: {} };
  });
  return counted(reply, perTable(consumed, asked), consumed);
};

const field = (of: unknown, name: string): unknown => Reflect.get(Object(of), name);

const count = (list: unknown): number => (Array.isArray(list) ? list.length : 0);

/** The units of reading one small item. */
const least = (asked: unknown): number => (field(asked, "ConsistentRead") === true ? 1 : 0.5);

/** `ConsumedCapacity` of a batch: one entry per table. */
export const perTable = (consumed: readonly Consumed[], asked: unknown): object | undefined =>
  asked === "TOTAL" || asked === "INDEXES"
    ? consumed.map((part) => consumedCapacity(part, asked) ?? {})
    : undefined;

const counted = (reply: EngineReply, capacity: object | undefined, consumed: readonly Consumed[]): Answer =>
  answer(
    { ...reply, ConsumedCapacity: capacity },
    { readUnits: consumed.reduce((units, part) => units + total(part), 0) },
  );
