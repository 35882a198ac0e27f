import * as v from "valibot";
import type { Core } from "./core.js";

/** A row as it was read, before anybody has looked at it. */
export type Item = Readonly<Record<string, unknown>>;

/**
 * Reads rows at the border of a table. While two versions are deployed one may meet rows of the other: what it cannot
 * read is logged and handed back apart, and never keeps it from the rest.
 */
export const readRows = <Schema extends v.GenericSchema>(
  core: Core,
  table: string,
  schema: Schema,
  items: readonly Item[],
): { readonly rows: v.InferOutput<Schema>[]; readonly unreadable: Item[] } => {
  const rows: v.InferOutput<Schema>[] = [];
  const unreadable: Item[] = [];
  for (const item of items) {
    const parsed = v.safeParse(schema, item);
    if (parsed.success) {
      rows.push(parsed.output);
    } else {
      unreadable.push(item);
      core.metrics.record("BackgroundErrors", 1);
      core.log.error("A row that cannot be read is passed over", { table, why: parsed.issues[0].message });
    }
  }
  return { rows, unreadable };
};
