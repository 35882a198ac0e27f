import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import { asText, outcomeText, readLogLine } from "../log-text.js";
import type { FunctionState, LogEntry } from "./state.js";

export type Recorder = ReturnType<typeof createRecorder>;

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

/** Counts each function's invocations, and keeps the latest durations and log lines. */
export const createRecorder = (options: RecorderOptions) => {
  const { now, functionNames = [], keepLogs = 200, keepDurations = 500 } = options;
  const tallies = new Map(functionNames.map((name) => [name, emptyTally()]));
  const logs: LogEntry[] = [];
  /** The requests under way that have logged an error. */
  const faulty = new Set<string>();
  let seq = 0;

  return {
    onInvocation: (record: InvocationRecord): void => {
      const { functionName, requestId, coldStart, durationMs, outcome, startedAt } = record;
      const tally = tallies.get(functionName) ?? emptyTally();
      tallies.set(functionName, tally);
      tally.invocations += 1;
      const loggedError = faulty.delete(requestId);
      tally.errors += Number(outcome.kind !== "returned" || loggedError);
      tally.coldStarts += Number(coldStart);
      tally.durations.push(durationMs);
      if (tally.durations.length > keepDurations) tally.durations.shift();
      const { level, text } = outcomeText(outcome, loggedError);
      tally.last = { at: startedAt + durationMs, level, text: text.slice(0, maxTextLength) };
    },
    onLog: (line: LogLine): void => {
      const { functionName, requestId } = line;
      const read = readLogLine(line);
      const [level, text] = [read.level, asText(read)];
      if (level === "error") faulty.add(requestId);
      if (text === "") return;
      seq += 1;
      logs.push({ seq, at: now(), functionName, requestId, level, text: text.slice(0, maxTextLength) });
      if (logs.length > keepLogs) logs.shift();
    },
    functions: (): readonly FunctionState[] =>
      [...tallies].map(([name, { durations, ...tally }]) => {
        const sorted = durations.toSorted((a, b) => a - b);
        return { name, ...tally, p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95) };
      }),
    /** Oldest first. */
    logs: (): readonly LogEntry[] => [...logs],
  };
};

interface Tally {
  invocations: number;
  errors: number;
  coldStarts: number;
  readonly durations: number[];
  last: FunctionState["last"];
}

const emptyTally = (): Tally => ({ invocations: 0, errors: 0, coldStarts: 0, durations: [], last: null });

const percentile = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
