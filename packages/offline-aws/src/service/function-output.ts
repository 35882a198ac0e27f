import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Outcome } from "../lambda/invocation.js";
import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import type { PlannedFunction } from "../plan/function.js";
import type { InvocationReport } from "./lambda.js";

/** What functions write, on its way into their log groups. */
export interface FunctionOutput {
  onLog(line: LogLine): void;
  /** Told just before whoever invoked gets the outcome. */
  onInvocation(record: InvocationRecord): void;
  /** By the very object that the invocation came to. */
  reportOf(outcome: Outcome): InvocationReport | undefined;
  /** Writes what is held back of errors that no end of an invocation followed. */
  flush(): void;
}

interface Crash {
  readonly line: LogLine;
  readonly at: number;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly stack: string[];
}

/**
 * Writes each line as Lambda does in the function's log format. A line that is a JSON object is the function's own and
 * stays as it is; any other came by `console`, which Lambda's runtime gives a level. An error that nobody caught
 * becomes one event with its stack.
 */
export const createFunctionOutput = (options: {
  readonly functions: readonly PlannedFunction[];
  readonly clock: Clock;
  readonly put: (logGroup: string, message: string) => void;
}): FunctionOutput => {
  const { clock, put } = options;
  const functions = new Map(options.functions.map((fn) => [fn.name, fn]));
  const crashes = new Map<string, Crash>();
  const reports = new WeakMap<Outcome, InvocationReport>();

  const write = (functionName: string, format: (fn: PlannedFunction) => string): void => {
    const fn = functions.get(functionName);
    if (fn) put(fn.logGroup, format(fn));
  };
  const writeCrash = (crash: Crash): void => {
    crashes.delete(crash.line.requestId);
    write(crash.line.functionName, (fn) => crashMessage(fn, crash));
  };

  return {
    onLog: (line) => {
      const at = clock.now();
      const open = crashes.get(line.requestId);
      const crash = crashIn(line, at);
      if (crash) {
        if (open) writeCrash(open);
        crashes.set(line.requestId, crash);
      } else if (open && line.stream === "stderr") open.stack.push(line.text);
      // The end of the invocation says this with its numbers.
      else if (!timeout.test(line.text)) write(line.functionName, (fn) => message(fn, line, at));
    },
    onInvocation: (record) => {
      const { functionName, requestId, outcome } = record;
      const crash = crashes.get(requestId);
      if (crash) writeCrash(crash);
      if (outcome.kind === "timed-out")
        write(functionName, (fn) => timeoutMessage(fn, record, outcome.afterSeconds, clock.now()));
      reports.set(outcome, { requestId, trace: crash?.stack });
    },
    reportOf: (outcome) => reports.get(outcome),
    flush: () => {
      for (const crash of [...crashes.values()]) writeCrash(crash);
    },
  };
};

const timeout = /^Task timed out after \d+\.\d\d seconds$/;

/** How the worker reports what nobody caught: this line, then the stack. */
const crashLine = /^ERROR\t[A-Z][A-Za-z ]+\t(\{"errorType":.*\})$/;

const described = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ errorType: v.string(), errorMessage: v.string() }),
);

const crashIn = (line: LogLine, at: number): Crash | undefined => {
  const [, json] = (line.stream === "stderr" && crashLine.exec(line.text)) || [];
  if (json === undefined) return undefined;
  const parsed = v.safeParse(described, json);
  return parsed.success ? { line, at, ...parsed.output, stack: [] } : undefined;
};

const iso = (at: number): string => new Date(at).toISOString();

const message = (
  { logFormat }: PlannedFunction,
  { text, stream, requestId }: LogLine,
  at: number,
): string => {
  if (text.startsWith("{") && text.endsWith("}")) return text;
  const level = stream === "stderr" ? "ERROR" : "INFO";
  return logFormat === "JSON"
    ? JSON.stringify({ timestamp: iso(at), level, requestId, message: text })
    : [iso(at), requestId, level, text].join("\t");
};

const crashMessage = ({ logFormat }: PlannedFunction, crash: Crash): string => {
  const { line, at, errorType, errorMessage, stack } = crash;
  const { requestId } = line;
  if (logFormat === "JSON")
    return JSON.stringify({
      timestamp: iso(at),
      level: "ERROR",
      requestId,
      message: { errorType, errorMessage, stackTrace: stack },
    });
  const [, what] = line.text.split("\t");
  const error = JSON.stringify({ errorType, errorMessage, stack });
  return [iso(at), requestId, "ERROR", `${what} `, error].join("\t");
};

const timeoutMessage = (
  { logFormat }: PlannedFunction,
  { requestId, durationMs }: InvocationRecord,
  afterSeconds: number,
  at: number,
): string =>
  logFormat === "JSON"
    ? JSON.stringify({
        time: iso(at),
        type: "platform.report",
        record: { requestId, metrics: { durationMs }, status: "timeout" },
      })
    : `${iso(at)} ${requestId} Task timed out after ${afterSeconds.toFixed(2)} seconds`;
