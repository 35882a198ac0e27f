import { contradictions, environmentName, settingsSchema } from "@lectern/core/settings";
import * as v from "valibot";
import { settingsFor } from "../../../../infra/settings.js";
import { deploymentSchema } from "../../../../infra/settings.schema.js";
import { code, markdownTable } from "./markdown.js";

/** The generated parts of docs/environment-variables.md. */
export const settingSections = (): Readonly<Record<string, string>> => ({
  settings: settingTable(settingsSchema.entries),
  contradictions: contradictions(settingsFor("dev"))
    .map(([name, , why]) => `- ${code(name)} ${asCode(why)}.`)
    .join("\n"),
  deployment: settingTable(deploymentSchema.entries),
});

const settingTable = (entries: Readonly<Record<string, v.GenericSchema>>): string =>
  markdownTable(
    ["setting", "variable", "default", "what it is"],
    Object.entries(entries).map(([name, schema]) => {
      const inner = isOptional(schema) ? schema.wrapped : schema;
      return [code(name), code(environmentName(name)), defaultsOf(name), v.getDescription(inner) ?? ""];
    }),
  );

const isOptional = (schema: v.GenericSchema): schema is v.OptionalSchema<v.GenericSchema, undefined> =>
  schema.type === "optional";

/** The default, then each project stage that differs from it. */
const defaultsOf = (name: string): string => {
  const on = (stage: string): string => {
    const value = Object.entries(settingsFor(stage)).find(([known]) => known === name)?.[1];
    return value === undefined ? "none" : code(JSON.stringify(value).replaceAll('"', ""));
  };
  const stages = { staging: "staging", prod: "prod", "pr-*": "pr-0" };
  const differing = Object.entries(stages).filter(([, stage]) => on(stage) !== on("dev"));
  return [on("dev"), ...differing.map(([shown, stage]) => `${shown} ${on(stage)}`)].join("; ");
};

/** Marks the settings that a sentence names. */
const asCode = (sentence: string): string => sentence.replace(/\b[a-z]+[A-Z]\w+/g, code);
