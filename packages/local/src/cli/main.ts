import { platform } from "./platform.js";
import { runTool } from "./run.js";
import { start } from "./start.js";
import { synth } from "./synth.js";
import { token } from "./token.js";

/** Runs one command line of the tool. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool(
    {
      summary: "Runs an SST application's real infrastructure program on this machine.",
      commands: [start, token, synth, platform],
    },
    args,
  );
