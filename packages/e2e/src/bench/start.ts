import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { asDuration, median } from "@lectern/cli/statistic";
import { notCome, within } from "@lectern/cli/within";
import { type Bench, type Benchmark, budgets, type Report } from "./benchmark.js";

const limitMs = 60_000;

export const start: Benchmark = {
  name: "start",
  summary: "The time until `npm start` is ready, with everything downloaded.",
  run: async ({ root, scope, say, rounds = 3 }: Bench): Promise<Report> => {
    const times: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      say(`Start ${round} of ${rounds}`);
      const begun = performance.now();
      const tool = path.join(root, "node_modules/.bin/offline-aws");
      const child = spawn(tool, ["start", "--port", "0", "--json"], {
        cwd: root,
        stdio: ["ignore", "pipe", "inherit"],
      });
      scope.defer(() => child.kill("SIGTERM"));
      await within(limitMs, notCome("The line of a stack that is ready"), ready(child));
      times.push(performance.now() - begun);
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await within(limitMs, notCome("The end of the stack"), exited);
    }
    const middle = median(times);
    return {
      title: "Start: from the command to a stack that is ready",
      header: ["median", "budget", "each"],
      rows: [[asDuration(middle), `≤ ${budgets.startMs / 1_000} s`, times.map(asDuration).join(", ")]],
      notes: ["The process of offline-aws start, without npm itself."],
      exceeded:
        middle > budgets.startMs
          ? [`the start took ${asDuration(middle)}, budget ${budgets.startMs / 1_000} s`]
          : [],
      figures: { medianMs: middle, eachMs: times },
    };
  },
};

/** Resolves with the first line that the child prints. */
const ready = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += String(chunk);
      if (text.includes("\n")) resolve(text);
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`The stack ended with ${code} before it was ready`)));
  });
