import { withInspectPort } from "../inspect.js";
import { ensurePlatform } from "../synth/platform.js";
import { command, runCommandLine } from "./command-line.js";
import { start } from "./start.js";
import { synth } from "./synth.js";
import { say } from "./terminal.js";
import { token } from "./token.js";

const platform = command({
  meta: {
    name: "platform",
    description: "Fetch SST's component sources and types into .sst/platform, if they are missing.",
  },
  args: {},
  run: () => ensurePlatform(process.cwd(), say),
});

const overview = {
  meta: { name: "offline-aws", description: "Run an SST app's real infrastructure program on this machine." },
};

/** Runs one command line of `offline-aws`. */
export const main = (args: readonly string[]): Promise<void> =>
  runCommandLine(overview, { start, token, synth, platform }, withInspectPort(args));
