import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import * as v from "valibot";
import { median } from "../../statistic.js";
import type { Bench, Benchmark, Report } from "../benchmark.js";
import { budgets } from "../budget.js";
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
      const file = path.join(folder, `${poster.name}.mjs`);
      await build({ ...options, entryPoints: [path.join(here, `${poster.name}.ts`)], outfile: file });
      const cpuUs = await post(file, server, rounds);
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

/** Bundled as a function is: a loader that compiles TypeScript would be measured too. */
const options: BuildOptions = {
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "es2023",
  mainFields: ["module", "main"],
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "silent",
};

const postedSchema = v.object({ cpuUs: v.array(v.number()) });

const post = async (file: string, server: string, rounds: number): Promise<number[]> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [file, `${server}/prod`, String(posts), String(rounds)],
    {
      timeout: 60_000,
      env: { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    },
  );
  return v.parse(postedSchema, JSON.parse(stdout)).cpuUs;
};

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
