import { projectOnlyVariable } from "../../../../infra/config.js";
import type { Command } from "../terminal/given.js";
import { scoped } from "../terminal/scope.js";
import { generate, readSources, update } from "./documents.js";

/** Writes the documents that follow from the code, so that they cannot tell otherwise than it. */
export const documents: Command = {
  name: "documents",
  summary: "Write the documents that are made from the code: protocol, settings, commands, examples.",
  call: "npm run documents --",
  options: {
    check: { type: "boolean", help: "Write nothing; name what is stale, and end with 1 if anything is." },
  },
  run: (given) =>
    scoped(async (scope) => {
      process.env[projectOnlyVariable] = "true";
      const sources = await scope.unlessInterrupted(readSources(given.root, (line) => console.error(line)));
      const made = await scope.unlessInterrupted(generate(sources));
      const check = given.flag("check");
      const isDone = await update(given.root, made, { check, say: (line) => console.log(line) });
      if (!isDone) process.exitCode = 1;
    }),
};
