import type { SubCommandsDef } from "citty";
import { runTool } from "./terminal/command.js";

/** Each command is loaded when it runs, or when the help lists it. */
const commands: SubCommandsDef = {
  demo: async () => (await import("./demo/command.js")).demo,
  verify: async () => (await import("./verify/command.js")).verify,
  drain: async () => (await import("./drain/command.js")).drain,
  cost: async () => (await import("./cost/command.js")).cost,
  deploy: async () => (await import("./sst/command.js")).deploy,
  diff: async () => (await import("./sst/command.js")).diff,
  dev: async () => (await import("./sst/command.js")).dev,
  remove: async () => (await import("./sst/command.js")).remove,
  refresh: async () => (await import("./sst/command.js")).refresh,
  unlock: async () => (await import("./sst/command.js")).unlock,
  documents: async () => (await import("./documents/command.js")).documents,
};

/** Runs one command line of the tool. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool(
    { name: "npx lectern", summary: "Runs, checks and measures Lectern, here or on AWS.", commands },
    args,
  );
