import { type Command, helpOption } from "../terminal/given.js";
import { code, markdownTable } from "./text.js";

/** The document of every command and its options, from what the commands themselves are made of. */
export const commandsDocument = (
  commands: readonly Command[],
  scripts: Readonly<Record<string, string>>,
): string => {
  const others = Object.entries(scripts).filter(
    ([name]) => !commands.some(({ call }) => call.split(" ").includes(name)),
  );
  return [
    "# Commands",
    "Every command with every option, as `--help` shows them. A short list of those that are needed most is the [quick reference](quick-reference.md).",
    markdownTable(
      ["command", "what it does"],
      commands.map((command) => [`[${code(callOf(command))}](#${anchorOf(command)})`, `${command.summary}`]),
    ),
    ...commands.map(commandText),
    "## Other scripts",
    "What they run takes its own options behind `--`.",
    markdownTable(
      ["script", "runs"],
      others.map(([name, runs]) => [code(spelledOut(name)), code(runs)]),
    ),
  ].join("\n\n");
};

const commandText = (command: Command): string => {
  const { summary, positionals = [], options } = command;
  const usage = [command.call, ...positionals.map(({ name }) => `<${name}>`), "[options]"].join(" ");
  return [
    `## ${callOf(command)}`,
    summary,
    `\`\`\`text\n${usage}\n\`\`\``,
    markdownTable(
      ["option", "what it does"],
      [
        ...positionals.map(({ name, help }) => [code(`<${name}>`), inCell(help)]),
        ...Object.entries({ ...options, ...helpOption }).map(([name, { value, help }]) => [
          code(`--${name}${value ? ` ${value}` : ""}`),
          inCell(help),
        ]),
      ],
    ),
  ].join("\n\n");
};

/** `npm run -s token --` → `npm run token` */
const callOf = ({ call }: Command): string => call.replace(" -s ", " ").replace(/ --$/, "");

const anchorOf = (command: Command): string => callOf(command).toLowerCase().replaceAll(" ", "-");

/** npm's own short names: `npm start`, `npm test`. */
const spelledOut = (script: string): string =>
  ["start", "test"].includes(script) ? `npm ${script}` : `npm run ${script}`;

/** A list in a help text stays one within its cell. */
const inCell = (help: string): string =>
  help
    .split("\n")
    .map((line) => line.trim().replace(/^(\S+) {2,}/, "`$1`: "))
    .join("<br>");
