import { type ParseArgsConfig, parseArgs } from "node:util";
import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { UserError } from "offline-aws";

interface Option {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
}

/** A command in the shape from before citty; {@link asCitty} runs it. */
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
