import * as v from "valibot";
import type { Outcome } from "./lambda/invocation.js";
import type { LogLine } from "./lambda/scheduler.js";
import type { Level } from "./status/state.js";

/** A log line, taken apart for reading. */
export interface LogText {
  readonly level: Level;
  /** True for a line that a logger wrote as JSON. */
  readonly structured: boolean;
  /** Empty for metrics, and for a frame that a stack trace is better without. */
  readonly message: string;
  /** A structured line's own fields, as text. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Stack traces of the fields that are errors, one line each, without Node's and the worker's own frames. */
  readonly stack: readonly string[];
}

const structured = v.looseObject({ level: v.string(), message: v.string() });

const embedded = v.looseObject({
  _aws: v.object({
    CloudWatchMetrics: v.array(v.object({ Metrics: v.array(v.object({ Name: v.string() })) })),
  }),
});

/** Loggers write these on every line; the time, the function and the request are shown anyway. */
const usual = new Set([
  "level",
  "message",
  "timestamp",
  "service",
  "sampling_rate",
  "xray_trace_id",
  "requestId",
]);

const levels: Readonly<Record<string, Level>> = {
  TRACE: "debug",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "error",
  FATAL: "error",
};

/** The level is the line's own if it is structured; otherwise standard error counts as an error. */
export const readLogLine = ({ text, stream }: Pick<LogLine, "text" | "stream">): LogText => {
  const value = text.startsWith("{") ? parseJson(text) : undefined;
  const emf = v.safeParse(embedded, value);
  if (emf.success) {
    const names = emf.output._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
    const fields = names.map((name): [string, string] => [name, textOf(emf.output[name])]);
    return { level: "metric", structured: true, message: "", fields, stack: [] };
  }
  const line = v.safeParse(structured, value);
  if (!line.success) return { ...plain(text, stream), structured: false, fields: [], stack: [] };
  const own = Object.entries(line.output).filter(([name]) => !usual.has(name));
  return {
    level: levels[line.output.level.toUpperCase()] ?? "info",
    structured: true,
    message: line.output.message,
    fields: own.flatMap(([name, field]) => (isError(field) ? [] : [[name, textOf(field)] as const])),
    stack: own.flatMap(([, field]) => stackOf(field)),
  };
};

const plain = (text: string, stream: LogLine["stream"]): Pick<LogText, "level" | "message"> => {
  if (stream === "stdout") return { level: "info", message: text };
  // Node's own warnings, such as that of a deprecated API.
  if (/^\(node:\d+\) /.test(text)) return { level: "warn", message: text };
  return { level: "error", message: readStack(text).join("\n") };
};

/** The message, its fields as `name=value`, then the stack on lines of its own. */
export const asText = ({ message, fields, stack }: LogText): string => {
  const parts = [message, ...fields.map(([name, value]) => `${name}=${value}`)];
  return [parts.filter(Boolean).join("  "), ...stack].join("\n");
};

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");

const error = v.object({ stack: v.string(), cause: v.optional(v.unknown()) });

const isError = (field: unknown): boolean => v.is(error, field);

const stackOf = (field: unknown, prefix = ""): string[] => {
  const parsed = v.safeParse(error, field);
  if (!parsed.success) return [];
  const { stack, cause } = parsed.output;
  return [...readStack(prefix + stack), ...stackOf(cause, "caused by ")];
};

/** A stack trace's lines: files relative to the current folder, frames of Node, of built-ins and of the worker left out. */
export const readStack = (stack: string): string[] =>
  stack.split("\n").flatMap((line) => {
    if (!/^\s+at /.test(line)) return [line];
    if (/node:|\/worker\.mjs:|\(<anonymous>\)$/.test(line)) return [];
    return [line.replace("file://", "").replace(`${process.cwd()}/`, "")];
  });

const response = v.object({ statusCode: v.number() });

/** An invocation's outcome. A function may catch a failure and return a normal answer: a logged error is one too. */
export const outcomeText = (
  outcome: Outcome,
  loggedError: boolean,
): { readonly level: Level; readonly text: string } => {
  switch (outcome.kind) {
    case "returned": {
      const parsed = v.safeParse(response, outcome.payload);
      const status = parsed.success ? parsed.output.statusCode : 200;
      const text = parsed.success ? String(status) : "ok";
      if (loggedError) return { level: "error", text: `${text}, error logged` };
      return { level: status >= 500 ? "error" : status >= 400 ? "warn" : "info", text };
    }
    case "failed":
      return { level: "error", text: `${outcome.errorType}: ${outcome.errorMessage}` };
    case "timed-out":
      return { level: "error", text: `timed out after ${outcome.afterSeconds} s` };
    case "throttled":
      return { level: "warn", text: "throttled" };
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
