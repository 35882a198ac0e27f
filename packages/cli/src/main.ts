import { cost } from "./cost/command.js";
import { demo } from "./demo/command.js";
import { documents } from "./documents/command.js";
import { drain } from "./drain/command.js";
import { deploy, dev, diff, refresh, remove, unlock } from "./sst/command.js";
import { runTool } from "./terminal/command.js";
import { asCitty, type Command } from "./terminal/given.js";
import { verify } from "./verify/command.js";

/** The tool's commands; the documents list them too. */
export const commands: readonly Command[] = [
  demo,
  verify,
  drain,
  cost,
  deploy,
  diff,
  dev,
  remove,
  refresh,
  unlock,
  documents,
];

/** Runs one command line of the tool. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool(
    {
      name: "npx lectern",
      summary: "Drives a running Lectern as its users do, and measures it.",
      commands: Object.fromEntries(commands.map((command) => [command.name, asCitty(command)])),
    },
    args,
  );
