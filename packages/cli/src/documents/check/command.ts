import { environmentName } from "@lectern/core/settings";
import { UserError } from "offline-aws";
import { type Command, parseCommandLine } from "../../terminal/given.js";
import type { Document, Finding, Placed } from "./document.js";
import { commandsIn, type Words } from "./shell.js";
import type { World } from "./world.js";

/** What is called in documents and is not the project's: its own help says what it takes. */
const foreign = new Set(["aws", "git", "curl", "cd", "export", "gh", "sed", "sleep"]);

/** Programs that a span in the middle of a sentence calls, rather than names. */
const called = /^(npm|npx|node|sst|lectern|offline-aws)\s+\S/;

const shells = new Set(["sh", "bash", "shell", "console"]);

/** Every command of a document exists, with every option that it is given. */
export const checkCommands = (document: Document, world: World): Finding[] => {
  const lines = [
    ...document.blocks.filter(({ language }) => shells.has(language)).flatMap(shellLines),
    ...document.spans.filter(({ text }) => called.test(text)),
  ];
  const commands = lines.flatMap(({ text, line }) =>
    commandsIn(text).flatMap((words) => wrongIn(words, world).map((what) => ({ what, line }))),
  );
  const flags = document.spans
    .filter(({ text }) => /^--\w/.test(text))
    .flatMap(({ text, line }) => wrongFlag(text, world).map((what) => ({ what, line })));
  return [...commands, ...flags].map((found) => ({ path: document.path, ...found }));
};

/** The lines of a block; one that a backslash continues is one. */
const shellLines = ({ text, line }: Placed): Placed[] => {
  const found: { text: string; line: number; open: boolean }[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const open = content.endsWith("\\");
    const part = open ? content.slice(0, -1) : content;
    const before = found.at(-1);
    if (before?.open) Object.assign(before, { text: `${before.text}${part}`, open });
    else found.push({ text: part, line: line + index, open });
  }
  return found;
};

const wrongIn = (words: Words, world: World): string[] => {
  const [program = "", ...args] = words.filter((_, index) => !isAssignment(words, index));
  if (program === "" || foreign.has(program)) return [];
  if (program === "npm") return wrongNpm(args, world);
  if (program === "npx") return wrongBinary(args, world);
  if (program === "node") return wrongFiles(args.slice(0, 1), world);
  if (world.binaries.has(program)) return wrongBinary([program, ...args], world);
  return [`the program ${program} is not known here`];
};

/** `NAME=value` before the program. */
const isAssignment = (words: Words, index: number): boolean =>
  words.slice(0, index + 1).every((text) => /^\w+=/.test(text));

const wrongNpm = ([name = "", ...args]: Words, world: World): string[] => {
  if (["ci", "cit"].includes(name)) return args.map((arg) => `npm ${name} takes no ${arg} here`);
  if (["start", "test"].includes(name)) return wrongScript(name, args, world);
  if (name !== "run") return [`npm ${name} is not used in this project`];
  const [script = "", ...rest] = args.filter((arg, index) => index > 1 || arg !== "-s");
  return wrongScript(script, rest, world);
};

const wrongScript = (script: string, args: Words, world: World): string[] => {
  const runs = world.scripts[script];
  if (runs === undefined) return [`there is no script ${script} in package.json`];
  const separator = args.includes("--") ? args.indexOf("--") : args.length;
  const taken = args.slice(0, separator).filter((arg) => arg.startsWith("-"));
  if (taken.length > 0) return [`npm itself would take ${taken.join(" ")}: put -- before it`];
  const given = [...args.slice(0, separator), ...args.slice(separator + 1)];
  return wrongIn([...(commandsIn(runs).at(-1) ?? []), ...given], world);
};

/** What `npx`, or a script, runs. */
const wrongBinary = ([binary = "", ...args]: Words, world: World): string[] => {
  if (!world.binaries.has(binary)) return [`${binary} is not installed: npx would fetch a stranger`];
  if (binary === "sst") return wrongSst(args, world);
  if (binary === "lectern" || binary === "offline-aws") return wrongOwn(binary, args, world);
  if (binary === "vitest") return wrongFiles(args.slice(1), world);
  return [];
};

const wrongOwn = (tool: string, [name = "", ...args]: Words, world: World): string[] => {
  const command = world.commands.find((candidate) => candidate.name === name);
  if (!command) return [`${tool} has no command ${name}`];
  return [...refusal(command, args), ...wrongSettings(args, world)];
};

/** What the command itself would say to its arguments. */
const refusal = (command: Command, args: Words): string[] => {
  try {
    parseCommandLine(command, args, "");
    return [];
  } catch (error) {
    if (error instanceof UserError) return [error.message];
    throw error;
  }
};

const wrongSettings = (args: Words, { settings }: World): string[] =>
  args.flatMap((arg, index) => {
    const name = args[index - 1] === "--set" ? arg.split("=")[0] : undefined;
    if (name === undefined || settings.has(name)) return [];
    return [...settings].some((known) => environmentName(known) === name)
      ? []
      : [`there is no setting ${name}`];
  });

const wrongSst = (args: Words, { sstFlags }: World): string[] => {
  const command = [...sstFlags.keys()].find((known) => `${args.join(" ")} `.startsWith(`${known} `));
  if (command === undefined) return [`sst ${args[0]} is no command of SST that documents name`];
  return args
    .filter((arg) => arg.startsWith("--") && !sstFlags.get(command)?.has(nameOf(arg)))
    .map((arg) => `sst ${command} has no option ${arg}`);
};

const wrongFiles = (args: Words, { files }: World): string[] =>
  args
    .filter((arg) => !arg.startsWith("-") && ![...files].some((file) => `${file}/`.startsWith(arg)))
    .map((arg) => `there is no file ${arg}`);

/** A flag that a sentence names is some command's. */
const wrongFlag = (text: string, { commands, sstFlags }: World): string[] => {
  const [flag = ""] = text.split(/[\s=]/);
  const known =
    commands.some(({ options }) => nameOf(flag) in options) ||
    [...sstFlags.values()].some((flags) => flags.has(nameOf(flag)));
  return known ? [] : [`no command has the option ${flag}`];
};

const nameOf = (flag: string): string => flag.replace(/^--/, "").split("=")[0] ?? "";
