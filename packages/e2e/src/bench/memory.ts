import { asDuration } from "@lectern/cli/statistic";
import type { Bench, Benchmark, Report } from "./benchmark.js";
import { measureUsage } from "./flows/measure.js";

/** A function with this memory has a whole virtual CPU; with less it has a share. */
export const wholeCpuMb = 1_769;

/** The specification's targets for the whole of a flow, its functions one after the other. */
const targets = [
  { what: "session creation", flow: "create", withinMs: 2_000 },
  { what: "join", flow: "join", withinMs: 1_000 },
  { what: "heartbeat", flow: "heartbeat", withinMs: 100 },
  { what: "disconnect", flow: "listener leaves", withinMs: 500 },
] as const;

export const memory: Benchmark = {
  name: "memory",
  summary: "Whether each function's memory, which is its share of a CPU, meets the targets.",
  run: async ({ root, scope, say, rounds = 20 }: Bench): Promise<Report> => {
    const { flows, stage } = await measureUsage({ root, say, scope, rounds });
    const timed = targets.map(({ what, flow, withinMs }) => {
      const functions = Object.entries(flows[flow].functions).map(([name, { computingMs }]) => {
        const memoryMb = stage.functions[name] ?? Number.NaN;
        return { name, memoryMb, hereMs: computingMs, atItsShareMs: computingMs * (wholeCpuMb / memoryMb) };
      });
      const tookMs = functions.reduce((sum, { atItsShareMs }) => sum + atItsShareMs, 0);
      return { what, withinMs, tookMs, functions };
    });
    return {
      title: "Memory: warm invocations, and an upper bound of their time at their share of a CPU",
      header: ["flow", "function", "memory", "here, best tenth", "at its share", "target"],
      rows: timed.flatMap(({ what, withinMs, tookMs, functions }) => [
        ...functions.map(({ name, memoryMb, hereMs, atItsShareMs }) => [
          what,
          name,
          `${memoryMb} MB`,
          asDuration(hereMs),
          `≤ ${asDuration(atItsShareMs)}`,
          "",
        ]),
        [what, "together", "", "", `≤ ${asDuration(tookMs)}`, `≤ ${asDuration(withinMs)}`],
      ]),
      notes: [
        `${rounds} rounds. Lambda gives a whole CPU at ${wholeCpuMb} MB and a share of it below. All of a function's time here`,
        "counts as computing, so this is an upper bound. The time of AWS's network is not included.",
        "Other processes on this machine only ever add to a time: the best tenth is the nearest.",
      ],
      exceeded: timed
        .filter(({ tookMs, withinMs }) => !(tookMs <= withinMs))
        .map(
          ({ what, tookMs, withinMs }) =>
            `${what}: ${asDuration(tookMs)} of computing, target ${asDuration(withinMs)}`,
        ),
      figures: timed,
    };
  },
};
