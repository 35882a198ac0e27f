import type { Graph } from "./graph.js";

/** What the evaluating process tells its parent: the graph, or why there is none. */
export type Message =
  | { readonly kind: "graph"; readonly graph: Graph }
  | { readonly kind: "failed"; readonly name: string; readonly message: string; readonly stack: string };

/**
 * From here on, whatever nobody catches is told to the parent process, and ends this one.
 * @public the bundle of the program calls it
 */
export const reportFailures = (): void => {
  process.on("unhandledRejection", report);
  process.on("uncaughtException", report);
};

const report = async (error: unknown): Promise<void> => {
  const {
    name,
    message,
    stack = "",
  } = error instanceof Error ? error : { name: "Error", message: String(error) };
  await tell({ kind: "failed", name, message, stack });
  process.exit(1);
};

export const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => resolve());
  });
