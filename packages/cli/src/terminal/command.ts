import { stripVTControlCharacters } from "node:util";
import { type ArgsDef, type CommandDef, renderUsage, runCommand, type SubCommandsDef } from "citty";
import { UserError } from "offline-aws";
import { colorsFor, mistakeIn } from "offline-aws/terminal";

export { defineCommand } from "citty";

/** An option with a value. `valueHint` stands for the value in the help: `--stage=<STAGE>`. */
export const text = (valueHint: string, description: string) =>
  ({ type: "string", valueHint, description }) as const;

/** An option without a value. */
export const flag = (description: string) => ({ type: "boolean", description }) as const;

export const jsonFlag = flag("Print one JSON object at the end, and nothing else.");

/** A tool of several commands: `lectern deploy`, `lectern verify`. */
export interface Tool {
  readonly name: string;
  readonly summary: string;
  /** A command that is loaded by a function costs nothing until it runs. */
  readonly commands: SubCommandsDef;
}

/** Runs one command line of a tool. Without a command it shows what there is. */
export const runTool = (
  { name, summary, commands }: Tool,
  [first, ...rest]: readonly string[],
): Promise<void> =>
  printingUserErrors(async () => {
    const help = () => helpOf({ meta: { name, description: summary }, subCommands: commands });
    if (first === undefined || ["--help", "-h", "help"].includes(first)) return console.log(await help());
    const found = Object.hasOwn(commands, first) ? commands[first] : undefined;
    if (!found) throw new UserError(`There is no command ${first}.\n\n${await help()}`);
    await perform(await resolved(found), rest);
  });

/** Runs a tool that is one command. */
export const runOne = <Args extends ArgsDef>(
  command: CommandDef<Args>,
  args: readonly string[],
): Promise<void> => printingUserErrors(() => perform(command, args));

/**
 * Performs a command, or shows its help.
 * @throws {UserError} when the command line is not understood, and whatever the command throws
 */
export const perform = async <Args extends ArgsDef>(
  command: CommandDef<Args>,
  args: readonly string[],
): Promise<void> => {
  if (args.some((arg) => arg === "--help" || arg === "-h")) return console.log(await helpOf(command));
  await refuseUnknown(command, args);
  await runCommand(command, { rawArgs: [...args] });
};

const printingUserErrors = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
};

const refuseUnknown = async <Args extends ArgsDef>(
  command: CommandDef<Args>,
  rawArgs: readonly string[],
): Promise<void> => {
  const args = (await resolved<ArgsDef | undefined>(command.args)) ?? {};
  const mistake = mistakeIn(rawArgs, args);
  if (!mistake) return;
  throw new UserError(`${mistake}. ${(await resolved(command.meta))?.name} --help shows what there is.`);
};

/** Citty's help, with colours only on a terminal. */
const helpOf = async <Args extends ArgsDef>(command: CommandDef<Args>): Promise<string> => {
  const text = await renderUsage(command);
  if (colorsFor(process.stdout).isColorSupported) return text;
  return stripVTControlCharacters(text).replaceAll(/ +$/gm, "").trimEnd();
};

/** Citty takes a value, a promise of it, or a function. */
const resolved = async <Value>(
  value: Value | Promise<Value> | (() => Value | Promise<Value>),
): Promise<Value> => (value instanceof Function ? value() : value);
