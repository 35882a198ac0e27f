import { runOne } from "@lectern/cli/command";
import { bench } from "./command.js";

/** Runs `npm run bench`. */
export const main = (args: readonly string[]): Promise<void> => runOne(bench, args);
