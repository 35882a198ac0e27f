import { projectOnlyVariable } from "../../../../infra/settings.js";
import { defineCommand, flag } from "../terminal/command.js";
import { scoped } from "../terminal/scope.js";
import { brokenLinks, generate, update } from "./documents.js";

/** Writes the generated documents, so that they cannot contradict the code. */
export const documents = defineCommand({
  meta: {
    name: "npm run documents --",
    description: "Write the documents that are made from the code, and check the links of all.",
  },
  args: { check: flag("Write nothing; name stale documents and broken links, exit with 1.") },
  run: ({ args: { check = false } }) =>
    scoped(async (scope) => {
      process.env[projectOnlyVariable] = "true";
      const root = process.cwd();
      const made = await scope.unlessInterrupted(generate(root));
      const isDone = await update(root, made, { check, say: (line) => console.log(line) });
      const broken = await scope.unlessInterrupted(brokenLinks(root));
      if (broken !== "") console.error(broken);
      if (!isDone || broken !== "") process.exitCode = 1;
    }),
});
