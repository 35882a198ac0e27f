import * as v from "valibot";
import type { Core } from "../port/core.js";

/** A row as it was read, before it is parsed. */
export type Item = Readonly<Record<string, unknown>>;

/**
 * Parses rows where they leave a table. During a deployment one version may meet rows of another. An unreadable row is
 * logged and returned separately, so that it never blocks the others.
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
      core.log.error("A row that cannot be read was skipped", { table, why: parsed.issues[0].message });
    }
  }
  return { rows, unreadable };
};
