import { UserError } from "../user-error.js";

/** The option by which a program's settings are given. */
export const settingsOption = {
  set: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "Change a setting, in either spelling (speakerGraceSeconds or SPEAKER_GRACE_SECONDS). May be repeated.",
  },
} as const;

/** `["a=1", "b=2"]` → `{a: "1", b: "2"}` */
export const parseSettings = (given: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    given.map((text) => {
      const [, name, value] = text.match(/^(\w+)=(.*)$/s) ?? [];
      if (name === undefined || value === undefined) {
        throw new UserError(`--set takes NAME=VALUE, such as speakerGraceSeconds=5, not ${text}.`);
      }
      return [name, value];
    }),
  );

/** A number written in digits alone; undefined for all else, as `Number` is generous: "" would be 0. */
export const parseWhole = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** @throws {UserError} unless it can be part of resource names */
export const parseStage = (stage: string): string => {
  if (!/^[a-zA-Z][a-zA-Z0-9-]{0,19}$/.test(stage)) {
    throw new UserError(
      `A stage's name begins with a letter, goes on with letters, digits and hyphens, and has at most 20 of them; ${stage} does not.`,
    );
  }
  return stage;
};
