import type { Graph } from "./graph.js";

/** The evaluating process's message to its parent: the graph, or an error. */
export type Message =
  | { readonly kind: "graph"; readonly graph: Graph }
  | { readonly kind: "failed"; readonly name: string; readonly message: string; readonly stack: string };

/**
 * From now on an uncaught error is sent to the parent, and this process exits.
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
