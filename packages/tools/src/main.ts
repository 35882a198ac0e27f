import { runTool } from "@lectern/local";
import { bench } from "./bench/command.js";
import { demo } from "./demo/command.js";

/** Runs one command line of the tool. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool(
    { summary: "Drives a running Lectern as its users do, and measures it.", commands: [demo, bench] },
    args,
  );
