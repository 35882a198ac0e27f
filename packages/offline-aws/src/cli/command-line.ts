import { stripVTControlCharacters } from "node:util";
import * as citty from "citty";
import { hasName, UserError } from "../user-error.js";
import { colorsFor, mistakeIn } from "./terminal.js";

interface Command {
  readonly definition: citty.SubCommandsDef[string];
  usage(): Promise<string>;
  run(args: readonly string[]): Promise<void>;
}

/** A command that citty parses and describes. citty ignores what it does not know, so `check` comes first. */
export const command = <const Args extends citty.ArgsDef>(
  definition: citty.CommandDef<Args> & { readonly meta: citty.CommandMeta; readonly args: Args },
): Command => ({
  definition,
  usage: () => citty.renderUsage(definition, { meta: { name: "offline-aws" } }),
  run: async (args) => {
    const mistake = mistakeIn(args, definition.args);
    if (mistake)
      throw new UserError(`${mistake}. offline-aws ${definition.meta.name} --help shows what there is.`);
    await citty.runCommand(definition, { rawArgs: [...args] });
  },
});

/** Runs one command line in the current folder. A mistake of the user gives one sentence and exit code 1. */
export const runCommandLine = async (
  overview: citty.CommandDef,
  commands: Readonly<Record<string, Command>>,
  [name = "--help", ...args]: readonly string[],
): Promise<void> => {
  const chosen = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const subCommands = Object.fromEntries(
    Object.entries(commands).map(([key, each]) => [key, each.definition]),
  );
  const usage = chosen?.usage ?? (() => citty.renderUsage({ ...overview, subCommands }));
  try {
    if (name === "help" || [name, ...args].some(isHelp)) print(await usage());
    else if (chosen) await chosen.run(args);
    else throw new UserError(`There is no command ${name}. offline-aws --help shows what there is.`);
  } catch (error) {
    if (!(error instanceof UserError) && !hasName(error, "CLIError")) throw error;
    console.error(stripVTControlCharacters(error.message));
    process.exitCode = 1;
  }
};

const isHelp = (arg: string): boolean => arg === "--help" || arg === "-h";

const print = (text: string): void =>
  console.log(colorsFor(process.stdout).isColorSupported ? text : stripVTControlCharacters(text));
