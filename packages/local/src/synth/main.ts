import { evaluate, type Program } from "./program.js";

/** What the evaluating process tells its parent: the graph, or why there is none. */
export type Message =
  | { readonly kind: "graph"; readonly graph: Awaited<ReturnType<typeof evaluate>> }
  | { readonly kind: "failed"; readonly name: string; readonly message: string; readonly stack: string };

/** Evaluates the program and reports to the parent process. */
export const main = async (program: Program): Promise<void> => {
  process.on("unhandledRejection", report);
  process.on("uncaughtException", report);
  try {
    await tell({ kind: "graph", graph: await evaluate(program) });
    process.exit(0);
  } catch (error) {
    await report(error);
  }
};

const report = async (error: unknown): Promise<void> => {
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  await tell({ kind: "failed", name, message, stack });
  process.exit(1);
};

const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => resolve());
  });
