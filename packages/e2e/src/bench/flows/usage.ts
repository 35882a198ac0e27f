import { writeFile } from "node:fs/promises";
import path from "node:path";
import { usage as committed, type Flow, type Usage, type Work } from "@lectern/cli/cost/usage";
import type { Bench, Benchmark, Report } from "../benchmark.js";
import { measureUsage } from "./measure.js";

const file = "packages/cli/src/cost/usage.json";

/** The command that renews a stale file. */
export const remedy = "npm run bench -- usage --write";

const counts = ["handshakes", "messagesIn", "messagesOut", "otherCalls", "readUnits", "writeUnits"] as const;
const workCounts = ["invocations", "requests", "calls"] as const;
const workBytes = ["logBytes", "metricBytes"] as const;

/** Ids and times change the length of lines: a difference of up to a quarter, or 40 bytes, does not count. */
const slack = { share: 0.25, bytes: 40 };

/**
 * A sentence for each difference between the committed and the measured usage. Counts must be equal, bytes nearly. Times
 * and rows are not compared: they depend on the machine and the moment.
 */
export const staleness = (was: Usage, is: Usage): string[] => {
  const before: Readonly<Record<string, Flow>> = was.flows;
  return [
    ...Object.entries(is.flows).flatMap(([name, flow]) =>
      staleFlow(before[name], flow).map((difference) => `${name}: ${difference}`),
    ),
    ...unequal("metrics", was.series.join(", "), is.series.join(", ")),
    ...Object.entries(is.stage).flatMap(([key, value]) =>
      unequal(
        `${is.stage.name}'s ${key}`,
        JSON.stringify(new Map(Object.entries(was.stage)).get(key)),
        JSON.stringify(value),
      ),
    ),
  ];
};

const staleFlow = (was: Flow | undefined, is: Flow): string[] => {
  if (!was) return ["not in the file"];
  const functionNames = [...new Set([...Object.keys(was.functions), ...Object.keys(is.functions)])];
  return [
    ...counts.flatMap((figure) => unequal(figure, was[figure], is[figure])),
    ...functionNames.flatMap((name) =>
      staleWork(was.functions[name], is.functions[name]).map((difference) => `${name} ${difference}`),
    ),
  ];
};

const staleWork = (was: Work | undefined, is: Work | undefined): string[] => {
  if (!was) return ["is not in the file"];
  if (!is) return ["is in the file, but was not invoked"];
  return [
    ...workCounts.flatMap((figure) => unequal(figure, was[figure], is[figure])),
    ...workBytes.flatMap((figure) => {
      const isNear = Math.abs(is[figure] - was[figure]) <= Math.max(slack.bytes, slack.share * was[figure]);
      return isNear ? [] : unequal(figure, was[figure], is[figure]);
    }),
  ];
};

const unequal = (what: string, was: string | number | undefined, is: string | number): string[] =>
  was === is ? [] : [`${what} ${is}, in the file ${was ?? "nothing"}`];

export const usage: Benchmark = {
  name: "usage",
  summary: "What each flow uses, beside the file that npm run cost reads.",
  run: async ({ root, scope, say, rounds = 20, write }: Bench): Promise<Report> => {
    const measured = await measureUsage({ root, say, scope, rounds });
    const changes = staleness(committed, measured);
    if (write) await writeFile(path.join(root, file), `${JSON.stringify(measured, undefined, 2)}\n`);
    return {
      title: "Usage: what each flow uses (measured / in the file)",
      header: ["flow", "in", "out", "reads (RU)", "writes (WU)", "invocations", "requests", "calls", "time"],
      rows: rowsOf(committed, measured),
      notes: [
        `The file is ${file}, measured on ${committed.date}. The time is that of warm invocations, best tenth of ${rounds} rounds.`,
        ...(write
          ? [`Wrote the file. ${changes.length === 0 ? "No count has changed." : "Changed:"}`, ...changes]
          : []),
      ],
      exceeded: write ? [] : changes.map((change) => `${change} (${remedy} renews it)`),
      figures: measured,
    };
  },
};

const rowsOf = (was: Usage, is: Usage): string[][] => {
  const before: Readonly<Record<string, Flow>> = was.flows;
  return Object.entries(is.flows).map(([name, flow]) => {
    const both = (figureOf: (flow: Flow) => number, digits = 1): string => {
      const [now, then] = [flow, before[name]].map((one) => (one ? figureOf(one) : Number.NaN));
      return [now, then].map((figure = Number.NaN) => Number(figure.toFixed(digits))).join(" / ");
    };
    const total = (figure: keyof Work) => (one: Flow) =>
      Object.values(one.functions).reduce((sum, work) => sum + work[figure], 0);
    return [
      name,
      both(({ messagesIn }) => messagesIn),
      both(({ messagesOut }) => messagesOut),
      both(({ readUnits }) => readUnits),
      both(({ writeUnits }) => writeUnits),
      both(total("invocations")),
      both(total("requests")),
      both(total("calls")),
      `${both(total("computingMs"), 0)} ms`,
    ];
  });
};
