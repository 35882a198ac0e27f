import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { createColors } from "picocolors";

/** Where lines go: a terminal, a file, a test. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Colours on a terminal that has them, unless NO_COLOR is set. */
export const colorsFor = ({ isTTY }: Pick<Output, "isTTY">): ReturnType<typeof createColors> =>
  createColors(isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb");

/** Writes a line of progress to standard error; standard output is for a command's result. */
export const say = (line: string): void => console.error(line);

/**
 * Finds an unknown option, a surplus argument, or a missing or empty value: citty ignores these. Returns a sentence without
 * its full stop, or undefined when there is no mistake.
 */
export const mistakeIn = (args: readonly string[], definitions: ArgsDef): string | undefined => {
  const named = Object.entries(definitions).filter(([, { type }]) => type !== "positional");
  const options = named.map(
    ([name, { type }]) => [name, { type: type === "boolean" ? type : "string" }] as const,
  );
  try {
    const config = { args: [...args], options: Object.fromEntries(options), allowPositionals: true };
    const { values, positionals } = parseArgs(config);
    const surplus = positionals[Object.keys(definitions).length - options.length];
    const empty = Object.keys(values).find((name) => values[name] === "");
    if (surplus !== undefined) return `Unexpected argument ${surplus}`;
    return empty && `Option '--${empty}' is empty: give it a value, or leave it out`;
  } catch (error) {
    // Node's message goes on with hints. Its hint for a value that begins with a dash is worth keeping.
    const [sentence = ""] = String(error instanceof Error ? error.message : error).split(/\.?\n|\. /);
    return sentence.replace(/'(--[\w-]+)' argument is ambiguous/, (_, name: string) => {
      const value = args[args.indexOf(name) + 1];
      return `'${name}' has no value: write ${value} as ${name}=${value}`;
    });
  }
};
