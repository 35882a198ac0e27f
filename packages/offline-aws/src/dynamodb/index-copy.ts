import type { Clock } from "../clock.js";
import { ask, createTable, type Engine, scan } from "./engine.js";
import { pick } from "./item.js";
import type { Change } from "./stream.js";
import { createTableRequest, keyNames, type TableDefinition } from "./table.js";

/** A second table in the engine, which follows the first with a delay. Queries of an index read it, so the index lags. */
export interface IndexCopy {
  append(change: Change): void;
  /** Reads the copy, by its name in the engine, once every change that is old enough has been applied. */
  read<T>(task: (name: string) => Promise<T>): Promise<T>;
  /** Waits for the reads that are under way. */
  close(): Promise<void>;
}

let copies = 0;

/** The table must not be written to until this resolves. */
export const startIndexCopy = async (
  engine: Engine,
  table: TableDefinition,
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
): Promise<IndexCopy> => {
  const name = `lagging-${++copies}`;
  await createTable(engine, createTableRequest(table, name));
  for await (const items of scan(engine, { TableName: table.name })) {
    for (const Item of items) await ask(engine, "PutItem", { TableName: name, Item });
  }
  const waiting = new Set<() => void>();
  let applied: Promise<unknown> = Promise.resolve();

  const apply = ({ before, after }: Change): Promise<unknown> =>
    after
      ? ask(engine, "PutItem", { TableName: name, Item: after })
      : ask(engine, "DeleteItem", { TableName: name, Key: pick(before ?? {}, keyNames(table)) });

  const reads = new Set<Promise<unknown>>();

  return {
    append(change) {
      if (!change.before && !change.after) return;
      const cancel = clock.after(ms, () => {
        waiting.delete(cancel);
        applied = applied.then(() => apply(change));
      });
      waiting.add(cancel);
    },
    read(task) {
      const result = applied.then(() => task(name));
      const done = result.finally(() => reads.delete(done)).catch(() => undefined);
      reads.add(done);
      return result;
    },
    async close() {
      for (const cancel of waiting) cancel();
      await Promise.all([applied, ...reads]);
      await ask(engine, "DeleteTable", { TableName: name });
    },
  };
};
