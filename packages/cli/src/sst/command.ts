import { readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "offline-aws";
import type { Command, Given } from "../terminal/given.js";
import { checkAccount } from "./account.js";
import { loadVariables } from "./env-file.js";
import { runSst } from "./run.js";

type Options = Command["options"];

/** What every command of SST's takes. */
const common: Options = {
  stage: {
    type: "string",
    value: "STAGE",
    help: "The stage. Default: the variable SST_STAGE, or what .sst/stage says.",
  },
  verbose: { type: "boolean", help: "Log more." },
  "print-logs": { type: "boolean", help: "Print SST's log too, which is also in .sst/log/sst.log." },
  config: { type: "string", value: "FILE", help: "Another program than sst.config.ts." },
};

const target: Options = {
  target: { type: "string", value: "NAMES", help: "Only these components, by name, with commas between." },
};

const exclude: Options = {
  exclude: { type: "string", value: "NAMES", help: "All but these components." },
};

const policy: Options = {
  policy: { type: "string", value: "FOLDER", help: "Hold the program to this policy pack." },
};

/**
 * A command of SST's, with what it does not do: a wrong setting ends it with the setting's sentence, and credentials of
 * another account than the stage's before SST has made its buckets there.
 */
const sst = (name: string, summary: string, options: Options): Command => ({
  name,
  summary,
  call: `npm run ${name} --`,
  options: { ...common, ...options },
  run: async (given) => {
    loadVariables(given.root, ".env");
    const stage = await stageOf(name, given);
    loadVariables(given.root, `.env.${stage}`);
    const { account, region } = await settingsOf(stage);
    if (account !== undefined) await checkAccount({ stage, account, region });
    const args = [name, "--stage", stage, ...argumentsFor(given, { ...common, ...options })];
    process.exitCode = await runSst(given.root, args);
  },
});

export const deploy = sst("deploy", "Deploy a stage to AWS.", {
  ...target,
  ...exclude,
  ...policy,
  continue: { type: "boolean", help: "Go on with the rest when something fails." },
  dev: { type: "boolean", help: "Deploy what npm run dev would: functions that run on a laptop." },
});

export const diff = sst("diff", "Show what a deployment would change on a stage that is deployed.", {
  ...target,
  ...exclude,
  ...policy,
  dev: { type: "boolean", help: "Compare with what npm run dev would deploy." },
});

export const dev = sst("dev", "Run a stage of your own on AWS with its functions on this machine.", {
  ...policy,
  mode: { type: "string", value: "MODE", help: "basic starts nothing beside; mono shows all in one stream." },
});

export const refresh = sst("refresh", "Have SST look at what is really there on a stage.", {
  ...target,
  ...exclude,
});

export const remove = sst("remove", "Remove a stage from AWS.", target);

export const unlock = sst("unlock", "Free the lock that a deployment which was cut off has left.", {});

/** SST would guess one by the user's name at last, and deploy it. */
const stageOf = async (command: string, given: Given): Promise<string> => {
  const stage = given.text("stage") || process.env.SST_STAGE || (await keptStage(given.root));
  if (stage) return stage;
  throw new UserError(`Which stage? Name it: npm run ${command} -- --stage alice`);
};

const keptStage = async (root: string): Promise<string> =>
  (await readFile(path.join(root, ".sst/stage"), "utf8").catch(() => "")).trim();

/** Of what a program throws, SST shows only that it was unexpected. */
const settingsOf = async (stage: string) => {
  const { settingsFor } = await import("../../../../infra/config.js");
  try {
    return settingsFor(stage);
  } catch (error) {
    if (error instanceof Error && error.name === "SettingError") throw new UserError(error.message);
    throw error;
  }
};

const argumentsFor = (given: Given, options: Options): string[] =>
  Object.keys(options)
    .filter((name) => name !== "stage")
    .flatMap((name) => {
      const value = given.text(name);
      if (value !== undefined) return [`--${name}`, value];
      return given.flag(name) ? [`--${name}`] : [];
    });
