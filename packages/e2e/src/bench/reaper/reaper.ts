import path from "node:path";
import { environmentName, settingNames } from "@lectern/core/settings";
import * as v from "valibot";
import { functions } from "../../../../../infra/functions.js";
import { settingsFor } from "../../../../../infra/settings.js";
import type { Bench, Benchmark, Report } from "../benchmark.js";
import { runChild, temporaryFolder } from "../harness.js";
import { wholeCpuMb } from "../memory.js";
import { type Case, connectionCount, startCanned } from "./canned.js";

const entry = path.join(import.meta.dirname, "reaper.worker.ts");
const ranSchema = v.object({
  cpuUs: v.array(v.number()),
  last: v.object({ totalListeners: v.number(), silenced: v.number(), left: v.number() }),
});

/** `runs`: the budget. A lost audience may wait for five runs: until then its seats count as taken. */
const cases: readonly {
  readonly kind: Case;
  readonly title: string;
  readonly silenced: number;
  readonly runs: number;
}[] = [
  { kind: "well", title: "all is well", silenced: 0, runs: 1 },
  { kind: "limits down", title: "RateLimits is down", silenced: 0, runs: 1 },
  { kind: "lost", title: "everybody is lost", silenced: connectionCount, runs: 5 },
];

/** The function's timeout, less what the handler reserves. */
const runSeconds = Number.parseInt(functions.Reaper.timeout, 10) - 10;

export const reaper: Benchmark = {
  name: "reaper",
  summary: `CPU time of the reaper over ${connectionCount.toLocaleString("en")} connections.`,
  run: async (bench: Bench): Promise<Report> => {
    const { rounds = 2, say, scope } = bench;
    const folder = await temporaryFolder(bench);
    const results: Result[] = [];
    for (const { kind, title, silenced, runs } of cases) {
      say(`Reaping ${connectionCount} connections ${rounds} times: ${title}`);
      const environment = environmentWith(await startCanned(scope, kind));
      const { cpuUs, last } = await runChild(
        { folder, entry, args: [String(rounds)], environment },
        ranSchema,
      );
      if (last.silenced !== silenced || last.left > 0) {
        throw new Error(
          `The reaper closed ${last.silenced} of ${silenced} connections and left ${last.left}`,
        );
      }
      results.push({ title, runs, cpuSeconds: Math.min(...cpuUs) / 1e6 });
    }
    return report(results, rounds);
  },
};

interface Result {
  readonly title: string;
  /** The budget. */
  readonly runs: number;
  readonly cpuSeconds: number;
}

const memoryMb = Number.parseInt(functions.Reaper.memory, 10);
const formerMb = 256;

const report = (results: readonly Result[], rounds: number): Report => {
  const at = (mb: number, { cpuSeconds }: Result) => cpuSeconds / Math.min(1, mb / wholeCpuMb);
  const runsOf = (result: Result) => Math.ceil(at(memoryMb, result) / runSeconds);
  return {
    title: `Reaper: CPU time of a run over ${connectionCount.toLocaleString("en")} connections`,
    header: ["case", "CPU", `at ${memoryMb} MB`, `runs of ${runSeconds} s`, "budget", `at ${formerMb} MB`],
    rows: results.map((result) => [
      result.title,
      seconds(result.cpuSeconds),
      seconds(at(memoryMb, result)),
      `${runsOf(result)}`,
      `≤ ${result.runs}`,
      seconds(at(formerMb, result)),
    ]),
    notes: [
      `Best of ${rounds} rounds, against a server with canned rows. The waiting for AWS is not included.`,
      "A run stops 10 s before its timeout of 50 s, and the next one goes on.",
    ],
    exceeded: results
      .filter((result) => runsOf(result) > result.runs)
      .map((result) => `${result.title}: ${runsOf(result)} runs, budget ${result.runs}`),
    figures: results,
  };
};

const seconds = (value: number): string => `${value.toFixed(1)} s`;

const environmentWith = (server: string): Record<string, string> => {
  const settings = settingsFor("prod");
  return {
    ...Object.fromEntries(settingNames.map((name) => [environmentName(name), `${settings[name]}`])),
    ENV: "bench",
    REGION: "us-east-1",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "bench",
    AWS_SECRET_ACCESS_KEY: "bench",
    AWS_ENDPOINT_URL_DYNAMODB: server,
    API_GATEWAY_ENDPOINT: `${server}/prod`,
    SESSIONS_TABLE: "Sessions",
    CONNECTIONS_TABLE: "Connections",
    RATE_LIMITS_TABLE: "RateLimits",
    POWERTOOLS_SERVICE_NAME: "bench",
    POWERTOOLS_LOG_LEVEL: "INFO",
  };
};
