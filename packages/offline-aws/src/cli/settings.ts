import { parseArgs } from "node:util";
import { UserError } from "../user-error.js";

/** The options of every command that evaluates the program. */
export const programArgs = {
  stage: {
    type: "string",
    valueHint: "STAGE",
    default: "local",
    description: "The stage to evaluate.",
  },
  set: {
    type: "string",
    valueHint: "NAME=VALUE",
    description: "A setting for the program, which reads OFFLINE_AWS_SETTINGS. May be repeated.",
  },
} as const;

/** The values of every `--set`: `["--set", "a=1", "--set", "b=2"]` → `{a: "1", b: "2"}`. citty keeps only the last. */
export const parseSettings = (rawArgs: readonly string[]): Record<string, string> => {
  const options = { set: { type: "string", multiple: true } } as const;
  const { values } = parseArgs({ args: [...rawArgs], options, strict: false });
  const settings = (values.set ?? []).map((value) => {
    const [, name, text] = String(value).match(/^(\w+)=(.*)$/s) ?? [];
    if (name === undefined || text === undefined)
      throw new UserError(`--set takes NAME=VALUE, such as maxUsers=5, not ${value}.`);
    return [name, text] as const;
  });
  return Object.fromEntries(settings);
};

/** A number of digits alone, else undefined. `Number` accepts more: it reads "" as 0. */
export const parseWhole = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** @throws {UserError} unless resource names can contain it */
export const parseStage = (stage: string): string => {
  if (!/^[a-zA-Z][a-zA-Z0-9-]*$/.test(stage)) {
    throw new UserError(
      `A stage's name begins with a letter, and has only letters, digits and hyphens; ${stage} does not.`,
    );
  }
  return stage;
};
