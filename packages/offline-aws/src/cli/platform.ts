import { ensurePlatform } from "../synth/platform.js";
import type { Command } from "./command.js";
import { say } from "./progress.js";

/** Fetches SST's sources, which the types of `infra/` come from. */
export const platform: Command = {
  name: "platform",
  summary: "Fetch SST's component sources into .sst/platform, where they are missing.",
  call: "npx offline-aws platform",
  options: {},
  run: ({ root }) => ensurePlatform(root, say),
};
