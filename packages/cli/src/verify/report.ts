import { colorsFor, type Output } from "offline-aws/terminal";
import { asDuration } from "../statistic.js";
import type { Result } from "./suite.js";

const signs = { passed: "✓", warned: "!", failed: "✗", skipped: "–" } as const;

/** Prints the run for a person, one line as soon as each check is made. */
export const createReport = (output: Output) => {
  const color = colorsFor(output);
  const { green, red, yellow } = color;
  const paints = { passed: green, warned: yellow, failed: red, skipped: yellow } as const;
  const say = (text: string) => void output.write(`${text}\n`);
  return {
    begin: (url: string, stage: string | undefined) =>
      say(`Verifying ${url}${stage === undefined ? "" : `, stage ${stage}`}\n`),
    add: ({ name, status, tookMs, seen, sentence }: Result) => {
      const mark = paints[status](`${signs[status]} ${status.padEnd(7)}`);
      const told = seen === undefined ? sentence : color.dim(seen);
      say(`${mark}  ${name} ${color.dim(`(${asDuration(tookMs)})`)}${told ? `: ${told}` : ""}`);
    },
    /** Prints the warnings and the failures again, and the verdict. */
    end: (results: readonly Result[], tookMs: number) => {
      const ones = (wanted: Result["status"]) => results.filter(({ status }) => status === wanted);
      const [warnings, failures] = [ones("warned"), ones("failed")];
      for (const { name, status, sentence } of [...warnings, ...failures]) {
        say(`\n${paints[status](`${signs[status]} ${name}`)}\n  ${sentence}`);
      }
      const warned = warnings.length > 0 ? `${warnings.length} warned, ` : "";
      const verdict = `${ones("passed").length} passed, ${warned}${failures.length} failed, ${ones("skipped").length} skipped in ${asDuration(tookMs)}`;
      say(`\n${failures.length > 0 ? red(verdict) : green(verdict)}`);
    },
  };
};
