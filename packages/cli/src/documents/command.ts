import { projectOnlyVariable } from "../../../../infra/settings.js";
import type { Command } from "../terminal/given.js";
import { scoped } from "../terminal/scope.js";
import { brokenLinks, generate, update } from "./documents.js";

/** Writes the generated documents, so that they cannot contradict the code. */
export const documents: Command = {
  name: "documents",
  summary: "Write the documents that are made from the code, and check the links of all.",
  call: "npm run documents --",
  options: {
    check: { type: "boolean", help: "Write nothing; name stale documents and broken links, exit with 1." },
  },
  run: (given) =>
    scoped(async (scope) => {
      process.env[projectOnlyVariable] = "true";
      const made = await scope.unlessInterrupted(generate(given.root));
      const check = given.flag("check");
      const isDone = await update(given.root, made, { check, say: (line) => console.log(line) });
      const broken = await scope.unlessInterrupted(brokenLinks(given.root));
      if (broken !== "") console.error(broken);
      if (!isDone || broken !== "") process.exitCode = 1;
    }),
};
