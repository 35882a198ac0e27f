import { type ParseArgsConfig, parseArgs } from "node:util";
import { UserError } from "../user-error.js";

interface Option {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value in the help: `PORT`. */
  readonly value?: string;
  readonly help: string;
}

/** A command of the tool. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** How it is called in this project: `npm start --`. */
  readonly call: string;
  readonly positionals?: readonly { readonly name: string; readonly help: string }[];
  readonly options: Readonly<Record<string, Option>>;
  run(given: Given): Promise<void>;
}

/** A command line, taken apart. */
export interface Given {
  readonly root: string;
  readonly positionals: readonly string[];
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

/** The option that every command has. */
export const helpOption: Readonly<Record<string, Option>> = {
  help: { type: "boolean", short: "h", help: "Show this." },
};

/** @throws {UserError} naming what on the command line is not understood */
export const parseCommandLine = (command: Command, args: readonly string[], root: string): Given => {
  const options: ParseArgsConfig["options"] = Object.fromEntries(
    Object.entries({ ...command.options, ...helpOption }).map(
      ([name, { type, multiple = false, short }]: [string, Option]) => [
        name,
        { type, multiple, ...(short ? { short } : {}) },
      ],
    ),
  );
  const parsed = attempt(
    () => parseArgs({ args: [...args], options, allowPositionals: true, strict: true }),
    command,
  );
  const wanted = command.positionals?.length ?? 0;
  const [surplus] = parsed.positionals.slice(wanted);
  if (surplus !== undefined && !parsed.values.help) {
    throw new UserError(`Unexpected argument ${surplus}. ${seeHelp(command)}`);
  }
  const empty = Object.entries(parsed.values).find(([, value]) => [value].flat().includes(""));
  if (empty)
    throw new UserError(
      `Option '--${empty[0]}' is empty: give it a value, or leave it out. ${seeHelp(command)}`,
    );
  const texts = (name: string) => [parsed.values[name]].flat().filter((value) => typeof value === "string");
  return {
    root,
    positionals: parsed.positionals,
    text: (name) => texts(name).at(-1),
    texts,
    flag: (name) => parsed.values[name] === true,
  };
};

const attempt = <Result>(parse: () => Result, command: Command): Result => {
  try {
    return parse();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new UserError(`${inOneSentence(said)}. ${seeHelp(command)}`);
  }
};

/** Node's own hints run over several sentences or lines. */
const inOneSentence = (said: string): string => {
  const [, ambiguous] = said.match(/^Option '(?:-\w, )?(--[\w-]+)' argument is ambiguous/) ?? [];
  if (ambiguous)
    return `Option '${ambiguous}' has no value: one that begins with a dash is written ${ambiguous}=-1`;
  const [sentence = said] = said.split(/\.?\n|\. /);
  return sentence;
};

export const seeHelp = ({ call }: Command): string => `${call} --help shows what there is.`;

/** The help text of one command. */
export const describeCommand = (command: Command): string => {
  const { call, summary, positionals = [], options } = command;
  const rows: [string, string][] = [
    ...positionals.map(({ name, help: text }): [string, string] => [`<${name}>`, text]),
    ...Object.entries({ ...options, ...helpOption }).map(
      ([name, option]: [string, Option]): [string, string] => [
        `--${name}${option.value ? ` ${option.value}` : ""}`,
        option.help,
      ],
    ),
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  const usage = [call, ...positionals.map(({ name }) => `<${name}>`), "[options]"].join(" ");
  return [
    summary,
    "",
    `  ${usage}`,
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
};
