import * as v from "valibot";
import type { Outcome } from "../lambda/invocation.js";
import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import { asText, readLogLine } from "../log-text.js";
import type { FunctionState, Level, LogEntry } from "./state.js";

/** Counts each function's invocations, and keeps the latest durations and log lines. */
export interface Recorder {
  onInvocation(record: InvocationRecord): void;
  onLog(line: LogLine): void;
  functions(): readonly FunctionState[];
  /** Oldest first. */
  logs(): readonly LogEntry[];
}

export interface RecorderOptions {
  readonly now: () => number;
  /** Functions to show before their first invocation. */
  readonly functionNames?: readonly string[];
  /** How many log lines are kept. Default 200. */
  readonly keepLogs?: number;
  /** How many of a function's latest invocations the percentiles cover. Default 500. */
  readonly keepDurations?: number;
}

/** A log line can have 256 KB; the page shows this many characters of it. */
const maxTextLength = 4_000;

interface Tally {
  invocations: number;
  errors: number;
  coldStarts: number;
  readonly durations: number[];
  last: FunctionState["last"];
}

export const createRecorder = (options: RecorderOptions): Recorder => {
  const { now, functionNames = [], keepLogs = 200, keepDurations = 500 } = options;
  const tallies = new Map<string, Tally>(functionNames.map((name) => [name, emptyTally()]));
  const logs: LogEntry[] = [];
  /** The requests under way that have logged an error. */
  const faulty = new Set<string>();
  let seq = 0;

  return {
    onInvocation: ({ functionName, requestId, coldStart, durationMs, outcome, startedAt }) => {
      const tally = tallies.get(functionName) ?? emptyTally();
      tallies.set(functionName, tally);
      tally.invocations += 1;
      const loggedError = faulty.delete(requestId);
      tally.errors += Number(outcome.kind !== "returned" || loggedError);
      tally.coldStarts += Number(coldStart);
      tally.durations.push(durationMs);
      if (tally.durations.length > keepDurations) tally.durations.shift();
      tally.last = { at: startedAt + durationMs, ...describe(outcome, loggedError) };
    },
    onLog: (line) => {
      const { functionName, requestId } = line;
      const read = readLogLine(line);
      const { level } = read;
      const text = asText(read);
      if (level === "error") faulty.add(requestId);
      if (text === "") return;
      seq += 1;
      logs.push({ seq, at: now(), functionName, requestId, level, text: text.slice(0, maxTextLength) });
      if (logs.length > keepLogs) logs.shift();
    },
    functions: () =>
      [...tallies].map(([name, { durations, ...tally }]) => {
        const sorted = durations.toSorted((a, b) => a - b);
        return { name, ...tally, p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95) };
      }),
    logs: () => [...logs],
  };
};

const emptyTally = (): Tally => ({ invocations: 0, errors: 0, coldStarts: 0, durations: [], last: null });

const percentile = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;

const responseSchema = v.object({ statusCode: v.number() });

/** A function may catch a failure and return a normal answer: a logged error counts as a failure. */
const describe = (
  outcome: Outcome,
  loggedError: boolean,
): { readonly text: string; readonly level: Level } => {
  if (outcome.kind === "returned" && loggedError) {
    return { text: `${describe(outcome, false).text}, error logged`, level: "error" };
  }
  switch (outcome.kind) {
    case "returned": {
      const response = v.safeParse(responseSchema, outcome.payload);
      if (!response.success) return { text: "ok", level: "info" };
      const { statusCode } = response.output;
      return {
        text: String(statusCode),
        level: statusCode >= 500 ? "error" : statusCode >= 400 ? "warn" : "info",
      };
    }
    case "failed":
      return {
        text: `${outcome.errorType}: ${outcome.errorMessage}`.slice(0, maxTextLength),
        level: "error",
      };
    case "timed-out":
      return { text: `timed out after ${outcome.afterSeconds} s`, level: "error" };
    case "throttled":
      return { text: "throttled", level: "warn" };
  }
};
