import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { loadEnvFile } from "node:process";
import type { ArgsDef, CommandDef } from "citty";
import { sayIfSlow, UserError } from "offline-aws";
import { awsIn, isServiceError, networkProblem } from "../aws.js";
import { lowConcurrency, readConcurrency } from "../concurrency.js";
import { checkLive, meantStage, settingsOf } from "../settings.js";
import { defineCommand, flag, text } from "../terminal/command.js";
import { checkAccount } from "./account.js";
import { confirm } from "./confirm.js";
import { runSst } from "./run.js";

/** The options that every command of SST takes. */
const common = {
  stage: text("STAGE", "The stage. Default: the variable SST_STAGE, or the file .sst/stage."),
  verbose: flag("Log more."),
  "print-logs": flag("Print SST's log as well. It is also in .sst/log/sst.log."),
  config: text("FILE", "Another program than sst.config.ts."),
};
const target = { target: text("NAMES", "Only these components, by name, separated by commas.") };
const exclude = { exclude: text("NAMES", "All components but these.") };
const policy = { policy: text("FOLDER", "Check the program against this policy pack.") };

/** Answers the command's question. SST has no such option. */
const yes = { yes: flag("Go on without a question, as scripts must.") };

/**
 * A command of SST, with what SST lacks: a wrong setting, missing credentials and those of another account than the
 * stage's end it with one sentence, before SST fetches or makes anything. Live functions are refused where others would
 * suffer, and a mistake that is hard to undo is questioned.
 */
const sst = (name: string, description: string, options: ArgsDef): CommandDef => {
  const args: ArgsDef = { ...common, ...options };
  const creates = name === "deploy" || name === "dev";
  return defineCommand<ArgsDef>({
    meta: { name: `npm run ${name} --`, description },
    args,
    run: async ({ args: given }) => {
      const root = process.cwd();
      loadVariables(root, ".env");
      const stage = await stageOf(name, root, given.stage);
      loadVariables(root, `.env.${stage}`);
      // SST itself would print only "Unexpected error", not the sentence about a wrong setting.
      const { account, region } = await settingsOf(stage);
      if (name === "dev" || given.dev) await checkLive(stage);
      await checkAccount({ stage, account, region });
      const question = creates ? await doubtful(stage) : name === "remove" ? removal(stage) : undefined;
      if (question && !given.yes) await confirm(question, stage);
      if (creates) await warnOfConcurrency(region);
      const passed = Object.keys(args).flatMap((option) => {
        const value = given[option];
        if (option in yes || option === "stage" || value === undefined || value === false) return [];
        return value === true ? [`--${option}`] : [`--${option}`, String(value)];
      });
      process.exitCode = await runSst(root, [name, "--stage", stage, ...passed]);
    },
  });
};

export const deploy = sst("deploy", "Deploy a stage to AWS.", {
  ...target,
  ...exclude,
  ...policy,
  continue: flag("Continue with the rest when something fails."),
  dev: flag("Deploy what npm run dev would: functions that run on a laptop."),
  ...yes,
});

export const diff = sst("diff", "Show what a deployment would change on a deployed stage.", {
  ...target,
  ...exclude,
  ...policy,
  dev: flag("Compare with what npm run dev would deploy."),
});

export const dev = sst("dev", "Run your own stage on AWS with its functions on this machine.", {
  ...policy,
  mode: text("MODE", "basic starts nothing else; mono shows everything in one stream."),
  ...yes,
});

export const refresh = sst("refresh", "Update SST's state from what is really on AWS.", {
  ...target,
  ...exclude,
});

export const remove = sst("remove", "Remove a stage from AWS.", { ...target, ...yes });

export const unlock = sst("unlock", "Release the lock that an interrupted deployment left behind.", {});

/** Reads a file of variables as SST does: a variable that is set already stays. */
const loadVariables = (root: string, file: string): void => {
  const whole = path.join(root, file);
  if (existsSync(whole)) loadEnvFile(whole);
};

/** Without a stage SST would deploy one named after the user. */
const stageOf = async (command: string, root: string, given: unknown): Promise<string> => {
  const kept = () => readFile(path.join(root, ".sst/stage"), "utf8").catch(() => "");
  const stage = given || process.env.SST_STAGE || (await kept()).trim();
  if (stage) return String(stage);
  throw new UserError(`Which stage? Name it: npm run ${command} -- --stage alice`);
};

const removal = (stage: string): string =>
  `Stage ${stage} would be removed with everything in it, except what a protected stage keeps.`;

/** Asks about a name that may be a mistake. Undefined if the name is clear. */
const doubtful = async (stage: string): Promise<string | undefined> => {
  const meant = await meantStage(stage);
  return meant
    ? `Stage ${stage} is not ${meant}: it would be a stage of its own, without the settings and the protection of ${meant}.`
    : undefined;
};

/** Says that the account is too small for the load that a stage is made for. Whatever hides that stops no deployment. */
const warnOfConcurrency = async (region: string): Promise<void> => {
  try {
    const asking = readConcurrency(awsIn(region).client);
    const problem = lowConcurrency(
      await sayIfSlow(console.error, "Asking for Lambda's quota", asking),
      region,
    );
    if (problem) console.error(`Warning: ${problem}.`);
  } catch (error) {
    if (!isServiceError(error) && !networkProblem(error)) throw error;
  }
};
