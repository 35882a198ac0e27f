import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Outcome } from "../lambda/invocation.js";
import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import type { PlannedFunction } from "../plan/function.js";
import type { InvocationReport } from "./lambda.js";

/** Formats functions' output and writes it into their log groups. */
export interface FunctionOutput {
  onLog(line: LogLine): void;
  /** Must be called before the invoker gets the outcome. */
  onInvocation(record: InvocationRecord): void;
  /** Finds the report by the identity of the outcome. */
  reportOf(outcome: Outcome): InvocationReport | undefined;
  /** Writes the errors of invocations that have not ended yet. */
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
 * Writes each line as Lambda does in the function's log format. A line that is a JSON object stays as it is; any other
 * line came by `console`, and gets a level as from Lambda's runtime. An uncaught error and its stack become one event.
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
      // onInvocation reports a time-out, with its numbers.
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

/** The worker's report of an uncaught error: this line, then the lines of the stack. */
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
