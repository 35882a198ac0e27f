import { runTool } from "offline-aws";
import { bench } from "./command.js";

/** Runs `npm run bench`. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool({ summary: bench.summary, commands: [bench] }, ["bench", ...args]);
