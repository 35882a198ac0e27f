import * as v from "valibot";
import type { LogLine } from "./lambda/scheduler.js";
import type { Level } from "./status/state.js";

const structured = v.looseObject({ level: v.string(), message: v.string() });

const embedded = v.looseObject({
  _aws: v.object({
    CloudWatchMetrics: v.array(v.object({ Metrics: v.array(v.object({ Name: v.string() })) })),
  }),
});

/** What every structured line carries, and says nothing new to who sees when it came and from which function. */
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

/** A line's level, and the line as a sentence with its fields where it is structured. */
export const readLogLine = ({ text, stream }: Pick<LogLine, "text" | "stream">) => {
  const value = text.startsWith("{") ? parseJson(text) : undefined;
  const emf = v.safeParse(embedded, value);
  if (emf.success) {
    const names = emf.output._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
    return { level: "metric", text: fieldsOf(names.map((name) => [name, emf.output[name]])) } as const;
  }
  const line = v.safeParse(structured, value);
  if (!line.success) return { level: stream === "stderr" ? "error" : "info", text } as const;
  const { level, message } = line.output;
  const fields = fieldsOf(Object.entries(line.output).filter(([name]) => !usual.has(name)));
  return {
    level: levels[level.toUpperCase()] ?? "info",
    text: fields ? `${message}  ${fields}` : message,
  };
};

const fieldsOf = (fields: readonly (readonly [string, unknown])[]): string =>
  fields
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ");

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
