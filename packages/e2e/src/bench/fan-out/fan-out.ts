import path from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "@lectern/cli/statistic";
import * as v from "valibot";
import type { Bench, Benchmark, Report } from "../benchmark.js";
import { budgets } from "../budget.js";
import { runChild } from "../child.js";
import { temporaryFolder } from "../temporary.js";
import { startTrivialServer } from "../trivial-server.js";

const posts = 500;

const posters = [
  { name: "own", title: "Lectern's signed posts", budgeted: true },
  { name: "sdk", title: "the SDK's client", budgeted: false },
] as const;

export const fanOut: Benchmark = {
  name: "fan-out",
  summary: `CPU time of a post to @connections, ${posts} at a time.`,
  run: async (bench: Bench): Promise<Report> => {
    const { rounds = 20, say } = bench;
    say(`Posting ${posts} frames ${rounds} times, by Lectern's way and by the SDK's client`);
    const folder = await temporaryFolder(bench);
    const server = await startTrivialServer(bench.scope, "");
    const results: Result[] = [];
    for (const poster of posters) {
      const entry = path.join(here, `${poster.name}.ts`);
      const args = [`${server}/prod`, String(posts), String(rounds)];
      const { cpuUs } = await runChild({ folder, entry, args }, postedSchema);
      const [firstUs = Number.NaN, ...warm] = cpuUs;
      results.push({
        ...poster,
        firstUs,
        bestUs: Math.min(...cpuUs),
        medianUs: median(warm.length > 0 ? warm : cpuUs),
      });
    }
    return report(results, rounds);
  },
};

interface Result {
  readonly title: string;
  readonly budgeted: boolean;
  /** Per post, in the first round: with everything still to be compiled and connected. */
  readonly firstUs: number;
  readonly medianUs: number;
  /** Of the best round: what else runs on the machine only ever adds to a process's CPU time. */
  readonly bestUs: number;
}

const here = path.dirname(fileURLToPath(import.meta.url));

const postedSchema = v.object({ cpuUs: v.array(v.number()) });

const report = (results: readonly Result[], rounds: number): Report => ({
  title: `Fan-out: CPU time per post to @connections, ${posts} at a time`,
  header: ["by", "best round", "budget", "median", "first round"],
  rows: results.map(({ title, budgeted, bestUs, firstUs, medianUs }) => [
    title,
    `${bestUs.toFixed(0)} µs`,
    budgeted ? `≤ ${budgets.postCpuUs} µs` : "",
    `${medianUs.toFixed(0)} µs`,
    `${firstUs.toFixed(0)} µs`,
  ]),
  notes: [
    `Of a process that only posts, ${rounds} rounds, to a server that only answers 200; the median without the first.`,
    "The budget is held to the best round: other processes on the same cores only ever add to a round's CPU time.",
    "The first round compiles, connects and derives the signing key: a cold environment's fan-out.",
  ],
  exceeded: results
    .filter(({ budgeted, bestUs }) => budgeted && bestUs > budgets.postCpuUs)
    .map(({ title, bestUs }) => `${title}: ${bestUs.toFixed(0)} µs per post, budget ${budgets.postCpuUs} µs`),
  figures: results,
});
