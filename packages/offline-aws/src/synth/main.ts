import { evaluate, type Program } from "./program.js";
import { tell } from "./report.js";

/** Evaluates the program and sends the graph to the parent process. */
export const main = async (program: Program): Promise<void> => {
  const graph = await evaluate(program);
  await tell({ kind: "graph", graph });
  process.exit(0);
};
