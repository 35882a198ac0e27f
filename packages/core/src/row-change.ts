import type * as v from "valibot";
import type { Core } from "./core.js";
import { type Item, readRows } from "./row.js";

/** One change of a table's row, as its stream brings it: at least once, and in order for each row. */
export interface RowChange {
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE" | undefined;
  /** The row as plain values; undefined: there was, or is, none. */
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  /** DynamoDB's TTL did it. */
  readonly byTtl: boolean;
  /** Milliseconds since the epoch, to the second. */
  readonly changedAt: number;
}

/** What is older was missed by an outage; the reaper has healed it since. */
const oldestMs = 300_000;

export const isStale = (core: Core, { changedAt }: RowChange): boolean => core.now() - changedAt > oldestMs;

/** Reads the images that a change has. Undefined: one of them cannot be read, which is logged, and is so every time. */
export const readImages = <Schema extends v.GenericSchema>(
  core: Core,
  table: string,
  schema: Schema,
  { before, after }: RowChange,
): { readonly before?: v.InferOutput<Schema>; readonly after?: v.InferOutput<Schema> } | undefined => {
  const read = (image: Item | undefined) => (image ? readRows(core, table, schema, [image]) : undefined);
  const [was, is] = [read(before), read(after)];
  if (was?.unreadable.length || is?.unreadable.length) return undefined;
  return { before: was?.rows[0], after: is?.rows[0] };
};
