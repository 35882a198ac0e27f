import { defineCommand, flag, jsonFlag, text } from "@lectern/cli/command";
import { scoped } from "@lectern/cli/scope";
import { table } from "@lectern/cli/table";
import { countIn } from "@lectern/cli/value";
import { UserError } from "offline-aws";
import { colorsFor } from "offline-aws/terminal";
import type { Benchmark, Report } from "./benchmark.js";
import { bundles } from "./bundles.js";
import { cold } from "./cold.js";
import { fanOut } from "./fan-out.js";
import { flows } from "./flows/flows.js";
import { usage } from "./flows/usage.js";
import { memory } from "./memory.js";
import { noon } from "./noon.js";
import { reaper } from "./reaper/reaper.js";
import { start } from "./start.js";
import { surge } from "./surge.js";
import { telemetry } from "./telemetry.js";

const benchmarks: readonly Benchmark[] = [
  flows,
  usage,
  surge,
  bundles,
  cold,
  fanOut,
  noon,
  reaper,
  telemetry,
  memory,
  start,
];

const mostRounds = 50;

/** Measures everything that the design has a budget for. */
export const bench = defineCommand({
  meta: { name: "npm run bench --", description: "Measure Lectern against its budgets, on this machine." },
  args: {
    benchmark: {
      type: "positional",
      required: false,
      description: `All benchmarks when it is left out, or one of:\n${benchmarks
        .map(({ name, summary }) => `${" ".repeat(15)}${name.padEnd(9)}  ${summary}`)
        .join("\n")}`,
    },
    rounds: text("N", `How many rounds, at most ${mostRounds}; not for flows.`),
    write: flag("For usage: write packages/cli/src/cost/usage.json."),
    json: jsonFlag,
  },
  run: async ({ args: { benchmark: name, rounds: count, write = false, json } }) => {
    const chosen = benchmarks.filter((benchmark) => name === undefined || benchmark.name === name);
    if (chosen.length === 0) {
      throw new UserError(`There is no benchmark ${name}. npm run bench -- --help shows what there is.`);
    }
    const rounds = count === undefined ? undefined : countIn("rounds", count, mostRounds);
    if (name === flows.name && rounds !== undefined)
      throw new UserError("flows plays each flow once: it takes no --rounds.");
    if (write && name !== usage.name) throw new UserError("--write goes with usage alone.");
    await scoped(async (scope) => {
      const reports: [string, Report][] = [];
      for (const benchmark of chosen) {
        const say = (line: string) => console.error(line);
        const work = benchmark.run({ root: process.cwd(), scope, say, rounds, write });
        const report = await scope.unlessInterrupted(work);
        reports.push([benchmark.name, report]);
        if (!json) console.log(asText(report));
      }
      if (json) console.log(JSON.stringify(asJson(reports)));
      else if (chosen.length > 1) console.log(verdict(reports));
      if (reports.some(([, { exceeded }]) => exceeded.length > 0)) process.exitCode = 1;
    });
  },
});

const asText = ({ title, header, rows, notes, exceeded }: Report): string => {
  const { bold, dim, red, green } = colorsFor(process.stdout);
  return [
    "",
    bold(title),
    "",
    table(header, rows, { header: dim }),
    "",
    ...notes.map((note) => `  ${dim(note)}`),
    ...(exceeded.length > 0
      ? exceeded.map((sentence) => `  ${red(`Over budget: ${sentence}.`)}`)
      : [`  ${green("Within budget.")}`]),
    "",
  ].join("\n");
};

const verdict = (reports: readonly [string, Report][]): string => {
  const { bold, red, green } = colorsFor(process.stdout);
  const width = Math.max(...reports.map(([name]) => name.length));
  return [
    bold("All benchmarks"),
    "",
    ...reports.map(([name, { exceeded }]) => {
      const result =
        exceeded.length === 0 ? green("within budget") : red(`over budget: ${exceeded.join("; ")}`);
      return `  ${name.padEnd(width)}  ${result}`;
    }),
    "",
  ].join("\n");
};

const asJson = (reports: readonly [string, Report][]) => ({
  ok: reports.every(([, { exceeded }]) => exceeded.length === 0),
  benchmarks: Object.fromEntries(
    reports.map(([name, { exceeded, figures }]) => [name, { exceeded, figures }]),
  ),
});
