import { type ParseArgsConfig, parseArgs } from "node:util";
import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { UserError } from "offline-aws";
import { resolved } from "./command.js";

interface Option {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
}

/** A command in the shape from before citty: `cost` and `documents` still have it. {@link asCitty} runs it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** How it is called in this project: `npm run cost --`. */
  readonly call: string;
  readonly positionals?: readonly { readonly name: string; readonly help: string }[];
  readonly options: Readonly<Record<string, Option>>;
  run(given: Given): Promise<void>;
}

/** A parsed command line. */
export interface Given {
  readonly root: string;
  readonly positionals: readonly string[];
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

export const helpOption: Readonly<Record<string, Option>> = {
  help: { type: "boolean", short: "h", help: "Show this." },
};

/** @throws {UserError} naming what on the command line is not understood */
export const parseCommandLine = (command: Command, args: readonly string[], root: string): Given => {
  const options: ParseArgsConfig["options"] = Object.fromEntries(
    Object.entries({ ...command.options, ...helpOption }).map(([name, { type, multiple = false }]) => [
      name,
      { type, multiple },
    ]),
  );
  const { values, positionals } = parsed([...args], options, command);
  const surplus = positionals[command.positionals?.length ?? 0];
  if (surplus !== undefined) throw new UserError(`Unexpected argument ${surplus}. ${seeHelp(command)}`);
  const texts = (name: string) => [values[name]].flat().filter((value) => typeof value === "string");
  return {
    root,
    positionals,
    text: (name) => texts(name).at(-1),
    texts,
    flag: (name) => values[name] === true,
  };
};

const parsed = (
  args: string[],
  options: ParseArgsConfig["options"],
  command: Command,
): { values: Readonly<Record<string, unknown>>; positionals: string[] } => {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /);
    throw new UserError(`${sentence}. ${seeHelp(command)}`);
  }
};

export const seeHelp = ({ call }: Pick<Command, "call">): string => `${call} --help shows what there is.`;

export const asCitty = (command: Command): CommandDef => {
  const { call, summary, positionals = [], options } = command;
  const args: ArgsDef = {};
  for (const { name, help } of positionals)
    args[name] = { type: "positional", required: false, description: help };
  for (const [name, { type, value, help }] of Object.entries(options))
    args[name] = { type, description: help, ...(value === undefined ? {} : { valueHint: value }) };
  return defineCommand<ArgsDef>({
    meta: { name: call, description: summary },
    args,
    run: ({ rawArgs }) => command.run(parseCommandLine(command, rawArgs, process.cwd())),
  });
};

/** A citty command in the old shape, for the documents that list commands with their options. */
export const asListed = async <Args extends ArgsDef>(
  name: string,
  command: CommandDef<Args>,
): Promise<Command> => {
  const { name: call = name, description: summary = "" } = (await resolved(command.meta)) ?? {};
  const args = Object.entries((await resolved<ArgsDef | undefined>(command.args)) ?? {});
  const positionals = args.flatMap(([arg, { type, description: help = "" }]) =>
    type === "positional" ? [{ name: arg, help }] : [],
  );
  const options = args.flatMap(([arg, { type, valueHint: value, description: help = "" }]) => {
    if (type === "positional") return [];
    const kind = type === "boolean" ? ("boolean" as const) : ("string" as const);
    return [[arg, { type: kind, help, ...(value === undefined ? {} : { value }) }] as const];
  });
  const run = async (): Promise<void> => undefined;
  return { name, call, summary, positionals, options: Object.fromEntries(options), run };
};
