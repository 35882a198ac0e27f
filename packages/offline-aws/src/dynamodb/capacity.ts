import * as v from "valibot";
import { type Item, itemSize, sameItem } from "./item.js";
import { indexEntry, keyNames, type TableDefinition } from "./table.js";

/** Units that one request consumed on one table and on each index of it that was touched. */
export interface Consumed {
  readonly table: string;
  readonly base: number;
  readonly indexes: Readonly<Record<string, number>>;
}

export const total = ({ base, indexes }: Consumed): number =>
  Object.values(indexes).reduce((units, index) => units + index, base);

/** 1 write unit per KB, at least one. */
const writeUnits = (...images: readonly (Item | undefined)[]): number =>
  Math.max(1, ...images.map((image) => (image ? Math.ceil(itemSize(image) / 1024) : 0)));

/** The cost of a write that turned `before` into `after`. The table counts the larger image, an index each entry that changed. */
export const consumedByWrite = (
  table: TableDefinition,
  before: Item | undefined,
  after: Item | undefined,
): Consumed => {
  const indexes: Record<string, number> = {};
  for (const index of table.globalIndexes) {
    const [old, now] = [indexEntry(table, index, before), indexEntry(table, index, after)];
    if (old && now) {
      if (sameItem(old, now)) continue;
      const moved = keyNames(index).some(
        (name) => !sameItem({ key: old[name] ?? {} }, { key: now[name] ?? {} }),
      );
      indexes[index.name] = moved ? writeUnits(old) + writeUnits(now) : writeUnits(old, now);
    } else if (old ?? now) {
      indexes[index.name] = writeUnits(old, now);
    }
  }
  return { table: table.name, base: writeUnits(before, after), indexes };
};

/** The cost of a write that its condition refused: the larger of the item in the table and the item to write. Indexes are free. */
export const consumedByRefusedWrite = (
  table: TableDefinition,
  existing: Item | undefined,
  proposed: Item | undefined,
): Consumed => ({ table: table.name, base: writeUnits(existing, proposed), indexes: {} });

export const sumOf = (table: string, parts: readonly Consumed[]): Consumed => {
  const indexes: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, units] of Object.entries(part.indexes)) indexes[name] = (indexes[name] ?? 0) + units;
  }
  return { table, base: parts.reduce((units, part) => units + part.base, 0), indexes };
};

const Units = v.object({ CapacityUnits: v.number() });
const EngineCapacity = v.object({
  TableName: v.string(),
  CapacityUnits: v.optional(v.number(), 0),
  GlobalSecondaryIndexes: v.optional(v.record(v.string(), Units), {}),
});

/** The engine's own count, for reads. AWS counts at least one small item, even for an empty query; the engines do not. */
export const consumedByEngine = (table: string, capacity: unknown, least: number): Consumed => {
  const parsed = v.safeParse(EngineCapacity, capacity);
  if (!parsed.success) return { table, base: least, indexes: {} };
  const indexes = Object.entries(parsed.output.GlobalSecondaryIndexes).map(([name, units]) => [
    name,
    Math.max(least, units.CapacityUnits),
  ]);
  const base = indexes.length > 0 ? 0 : Math.max(least, parsed.output.CapacityUnits);
  return { table, base, indexes: Object.fromEntries(indexes) };
};

/** `ConsumedCapacity`, in the detail that `ReturnConsumedCapacity` asks for. */
export const consumedCapacity = (consumed: Consumed, asked: unknown): object | undefined => {
  if (asked !== "TOTAL" && asked !== "INDEXES") return undefined;
  const sum = { TableName: consumed.table, CapacityUnits: total(consumed) };
  if (asked === "TOTAL") return sum;
  const indexes = Object.entries(consumed.indexes).map(([name, units]) => [name, { CapacityUnits: units }]);
  return {
    ...sum,
    Table: { CapacityUnits: consumed.base },
    ...(indexes.length > 0 && { GlobalSecondaryIndexes: Object.fromEntries(indexes) }),
  };
};
