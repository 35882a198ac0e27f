import type * as v from "valibot";
import type { Core } from "../port/core.js";
import { type Item, readRows } from "./row.js";

/** One change of a row, from its table's stream: delivered at least once, and in order for each row. */
export interface RowChange {
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE" | undefined;
  /** The row before the change, as plain values; undefined when there was none. */
  readonly before: Item | undefined;
  /** The row after the change; undefined when it was removed. */
  readonly after: Item | undefined;
  /** True when DynamoDB's TTL removed the row. */
  readonly byTtl: boolean;
  /** Milliseconds since the epoch, to the second. */
  readonly changedAt: number;
}

/** Older changes were missed in an outage, and the reaper has healed them since. */
const oldestMs = 300_000;

export const isStale = (core: Core, { changedAt }: RowChange): boolean => core.now() - changedAt > oldestMs;

/** Parses a change's images. Returns undefined when one is unreadable: it is logged, and a retry would not help. */
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
