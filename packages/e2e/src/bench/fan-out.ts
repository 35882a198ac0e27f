import path from "node:path";
import { median } from "@lectern/cli/statistic";
import * as v from "valibot";
import { type Bench, type Benchmark, budgets, type Report } from "./benchmark.js";
import { runChild, startTrivialServer, temporaryFolder } from "./harness.js";

const posts = 500;

const posters = [
  { name: "own", title: "Lectern's signed posts", budgeted: true },
  { name: "sdk", title: "the SDK's client", budgeted: false },
] as const;

const entry = path.join(import.meta.dirname, "fan-out.worker.ts");
const postedSchema = v.object({ cpuUs: v.array(v.number()) });

export const fanOut: Benchmark = {
  name: "fan-out",
  summary: `CPU time of a post to @connections, ${posts} at a time.`,
  run: async (bench: Bench): Promise<Report> => {
    const { rounds = 20, say } = bench;
    say(`Posting ${posts} frames ${rounds} times: Lectern's posts, then the SDK's client`);
    const folder = await temporaryFolder(bench);
    const server = await startTrivialServer(bench.scope, "");
    const results: Result[] = [];
    for (const poster of posters) {
      const args = [poster.name, `${server}/prod`, String(posts), String(rounds)];
      const { cpuUs } = await runChild({ folder, entry, args }, postedSchema);
      const [firstUs = Number.NaN, ...warm] = cpuUs;
      const medianUs = median(warm.length > 0 ? warm : cpuUs);
      results.push({ ...poster, firstUs, bestUs: Math.min(...cpuUs), medianUs });
    }
    return report(results, rounds);
  },
};

/** CPU time per post, in microseconds. */
interface Result {
  readonly title: string;
  readonly budgeted: boolean;
  /** The first round compiles and connects. */
  readonly firstUs: number;
  readonly medianUs: number;
  /** The best round: other processes of the machine only ever add to a process's CPU time. */
  readonly bestUs: number;
}

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
    `${rounds} rounds in a process that only posts, to a server that only answers 200. The median is without the first round.`,
    "The budget is for the best round: other processes on the same cores only ever add to a round's CPU time.",
    "The first round compiles, connects and derives the signing key, like the fan-out of a cold environment.",
  ],
  exceeded: results
    .filter(({ budgeted, bestUs }) => budgeted && bestUs > budgets.postCpuUs)
    .map(({ title, bestUs }) => `${title}: ${bestUs.toFixed(0)} µs per post, budget ${budgets.postCpuUs} µs`),
  figures: results,
});
