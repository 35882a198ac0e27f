import { synth, UserError } from "offline-aws";
import { colorsFor } from "offline-aws/terminal";
import { defineCommand, jsonFlag, text } from "../terminal/command.js";
import { scoped } from "../terminal/scope.js";
import { isStageName } from "../terminal/value.js";
import { loadOptions, parseLoad } from "./load.js";
import { asText, reportOf } from "./report.js";
import { type Stage, stageOf } from "./stage.js";
import { usage } from "./usage.js";

/** Prices a month's load by what the flows use. `npm run bench -- usage --write` measures that. */
export const cost = defineCommand({
  meta: {
    name: "npm run cost --",
    description:
      "What a load costs a month on AWS, and what would save. To measure the flows again: npm run bench -- usage --write.",
  },
  args: {
    ...loadOptions,
    stage: text("STAGE", "The stage whose settings, alarms and functions count. Default: prod."),
    json: jsonFlag,
  },
  run: ({ args }) =>
    scoped(async (scope) => {
      const stage = await scope.unlessInterrupted(stageNamed(args.stage, process.cwd()));
      const report = reportOf({ load: parseLoad(args, stage), usage, stage });
      console.log(args.json ? JSON.stringify(report) : asText(report, colorsFor(process.stdout)));
    }),
});

/** The measurement has `prod` with it; any other stage is evaluated. */
const stageNamed = async (name: string | undefined, root: string): Promise<Stage> => {
  if (name === undefined || name === usage.stage.name) return usage.stage;
  if (!isStageName(name)) {
    throw new UserError(`--stage takes a stage's name, such as prod or pr-7, not ${name}.`);
  }
  return stageOf(await synth({ root, stage: name, say: (line) => console.error(line) }));
};
