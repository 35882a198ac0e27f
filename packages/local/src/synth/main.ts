import { setImmediate } from "node:timers/promises";
import { evaluate, type Program } from "./program.js";
import { tell } from "./report.js";

/** Evaluates the program and tells the parent process what it declares. */
export const main = async (program: Program): Promise<void> => {
  const graph = await evaluate(program);
  // A resource whose inputs failed is no longer waited for; its failure is reported a turn later.
  await setImmediate();
  await tell({ kind: "graph", graph });
  process.exit(0);
};
