import path from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "@lectern/cli/statistic";
import * as v from "valibot";
import type { Bench, Benchmark, Report } from "../benchmark.js";
import { budgets } from "../budget.js";
import { runChild } from "../child.js";
import { temporaryFolder } from "../temporary.js";

const invocations = 2_000;
const entry = path.join(path.dirname(fileURLToPath(import.meta.url)), "worker.ts");
const seenSchema = v.object({ cpuUs: v.array(v.number()), connections: v.number() });

export const telemetry: Benchmark = {
  name: "telemetry",
  summary: "CPU time of an invocation's log line and metrics, and that they call nobody.",
  run: async (bench: Bench): Promise<Report> => {
    const { rounds = 10, say } = bench;
    say(`Logging and measuring ${invocations} invocations ${rounds} times`);
    const folder = await temporaryFolder(bench);
    const args = [String(invocations), String(rounds)];
    const environment = { ENV: "bench", POWERTOOLS_SERVICE_NAME: "bench" };
    const { cpuUs, connections } = await runChild({ folder, entry, args, environment }, seenSchema);
    const [best, typical] = [Math.min(...cpuUs), median(cpuUs)];
    const { telemetryCpuUs } = budgets;
    return {
      title: "Telemetry: CPU time per invocation for one line and one latency",
      header: ["best round", "budget", "median", "connections opened"],
      rows: [
        [`${best.toFixed(0)} µs`, `≤ ${telemetryCpuUs} µs`, `${typical.toFixed(0)} µs`, `${connections}`],
      ],
      notes: [`Of a process that only logs and measures, ${rounds} rounds of ${invocations} invocations.`],
      exceeded: [
        ...(best > telemetryCpuUs
          ? [`${best.toFixed(0)} µs per invocation, budget ${telemetryCpuUs} µs`]
          : []),
        ...(connections > 0 ? [`${connections} connections were opened, where none should be`] : []),
      ],
      figures: { bestUs: best, medianUs: typical, connections },
    };
  },
};
