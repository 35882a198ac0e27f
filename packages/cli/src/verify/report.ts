import { asDuration } from "../statistic.js";
import { colorsFor, type Output } from "../terminal/output.js";
import type { Result } from "./suite.js";

/** Prints the run for a person, one line as soon as each check is made. */
export interface Report {
  begin(url: string, stage: string | undefined): void;
  add(result: Result): void;
  /** Prints the failures again, and the verdict. */
  end(results: readonly Result[], tookMs: number): void;
}

const signs = { passed: "✓", failed: "✗", skipped: "–" } as const;

export const createReport = (output: Output): Report => {
  const color = colorsFor(output);
  const paints = { passed: color.green, failed: color.red, skipped: color.yellow } as const;
  const say = (text = "") => void output.write(`${text}\n`);
  return {
    begin: (url, stage) => say(`Verifying ${url}${stage === undefined ? "" : `, stage ${stage}`}\n`),
    add: ({ name, status, tookMs, seen, sentence }) => {
      const mark = paints[status](`${signs[status]} ${status.padEnd(7)}`);
      const told = seen === undefined ? sentence : color.dim(seen);
      say(`${mark}  ${name} ${color.dim(`(${asDuration(tookMs)})`)}${told ? `: ${told}` : ""}`);
    },
    end: (results, tookMs) => {
      const failures = results.filter(({ status }) => status === "failed");
      for (const { name, sentence } of failures) say(`\n${color.red(`✗ ${name}`)}\n  ${sentence}`);
      const text = verdict(results, tookMs);
      say(`\n${failures.length > 0 ? color.red(text) : color.green(text)}`);
    },
  };
};

/** `12 passed, 0 failed, 1 skipped in 1.90 s` */
export const verdict = (results: readonly Result[], tookMs: number): string => {
  const count = (wanted: Result["status"]) => results.filter(({ status }) => status === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped in ${asDuration(tookMs)}`;
};
