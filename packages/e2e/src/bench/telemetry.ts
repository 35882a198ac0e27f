import path from "node:path";
import { median } from "@lectern/cli/statistic";
import * as v from "valibot";
import { type Bench, type Benchmark, budgets, type Report } from "./benchmark.js";
import { runChild, temporaryFolder } from "./harness.js";

const invocations = 2_000;
const entry = path.join(import.meta.dirname, "telemetry.worker.ts");
const seenSchema = v.object({ cpuUs: v.array(v.number()), connections: v.number() });

export const telemetry: Benchmark = {
  name: "telemetry",
  summary: "CPU time of an invocation's log line and metrics, which must open no connection.",
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
      notes: [`${rounds} rounds of ${invocations} invocations in a process that only logs and measures.`],
      exceeded: [
        ...(best > telemetryCpuUs
          ? [`${best.toFixed(0)} µs per invocation, budget ${telemetryCpuUs} µs`]
          : []),
        ...(connections > 0 ? [`${connections} connections opened, budget 0`] : []),
      ],
      figures: { bestUs: best, medianUs: typical, connections },
    };
  },
};
