import { withInspectPort } from "../inspect.js";
import type { Command } from "./command.js";
import { platform } from "./platform.js";
import { runTool } from "./run.js";
import { start } from "./start.js";
import { synth } from "./synth.js";
import { token } from "./token.js";

/** The tool's commands. */
export const commands: readonly Command[] = [start, token, synth, platform];

/** Runs one command line of the tool. */
export const main = (args: readonly string[]): Promise<void> =>
  runTool(
    {
      summary: "Runs an SST application's real infrastructure program on this machine.",
      commands,
    },
    withInspectPort(args),
  );
