import { synth, UserError } from "offline-aws";
import { startIn } from "../stack.js";
import type { Command } from "../terminal/given.js";
import { colorsFor } from "../terminal/output.js";
import { type Scope, scoped } from "../terminal/scope.js";
import { loadOptions, parseLoad } from "./load.js";
import { measureUsage } from "./measure.js";
import { readPrices } from "./price.js";
import { asText, reportOf } from "./report.js";
import { type Stage, stageOf } from "./resources.js";
import { staleness } from "./stale.js";
import { readUsage, type Usage, writeUsage } from "./usage.js";

/** How many times the flows are played to time the functions. */
const rounds = 20;

/** Prices a month's load by what the flows use. */
export const cost: Command = {
  name: "cost",
  summary: "What a load costs a month on AWS, and what would save.",
  call: "npm run cost --",
  options: {
    ...loadOptions,
    stage: {
      type: "string",
      value: "STAGE",
      help: "Whose settings, alarms and functions count. Default: prod.",
    },
    measure: {
      type: "boolean",
      help: "First measure anew what each flow uses, and write it to packages/cli/src/cost/usage.json.",
    },
    json: { type: "boolean", help: "Print one JSON object at the end, and nothing else." },
  },
  run: (given) =>
    scoped(async (scope) => {
      const say = (line: string) => console.error(line);
      if (given.flag("measure")) await scope.unlessInterrupted(measureAnew(given.root, scope, say));
      const [usage, list] = await Promise.all([readUsage(), readPrices()]);
      const stage = await scope.unlessInterrupted(stageNamed(given.text("stage"), usage, given.root, say));
      const load = parseLoad(given, stage);
      const report = reportOf({ load, usage, stage, prices: list.prices }, list);
      console.log(given.flag("json") ? JSON.stringify(report) : asText(report, colorsFor(process.stdout)));
    }),
};

/** The measured stage is at hand; any other is evaluated. */
const stageNamed = async (
  name: string | undefined,
  { stage: measured }: Usage,
  root: string,
  say: (line: string) => void,
): Promise<Stage> => {
  if (name === undefined || name === measured.name) return measured;
  if (!/^[a-zA-Z][a-zA-Z0-9-]*$/.test(name)) {
    throw new UserError(`--stage takes a stage's name, such as prod or pr-7, not ${name}.`);
  }
  return stageOf(await synth({ root, stage: name, say }));
};

const measureAnew = async (
  root: string,
  scope: Pick<Scope, "defer">,
  say: (line: string) => void,
): Promise<void> => {
  const before = await readUsage().catch(() => undefined);
  const usage = await measureUsage({ root, rounds, say, start: (options) => startIn(scope, options) });
  await writeUsage(usage);
  say("Wrote packages/cli/src/cost/usage.json.");
  for (const change of before ? staleness(before, usage) : []) say(`  ${change}`);
};
