import { runOne } from "@lectern/cli/command";
import { asCitty } from "@lectern/cli/given";
import { bench } from "./command.js";

/** Runs `npm run bench`. */
export const main = (args: readonly string[]): Promise<void> => runOne(asCitty(bench), args);
