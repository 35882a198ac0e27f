import * as v from "valibot";
import type { Outcome } from "../lambda/invocation.js";
import { asText, type LogText } from "../log-text.js";
import type { ObservedInvocation } from "../uneventful.js";
import { purposeOf, shorten } from "./console-purpose.js";
import type { colorsFor } from "./output.js";

type Colors = ReturnType<typeof colorsFor>;

/**
 * An invocation in one line, then the log lines that need lines of their own. Undefined for a scheduled run that did
 * nothing and logged no more than its summary.
 */
export const describeInvocation = (
  record: ObservedInvocation,
  { lines, failed }: { readonly lines: readonly LogText[]; readonly failed: boolean },
  color: Colors,
): { readonly line: string; readonly below: readonly string[] } | undefined => {
  if (record.uneventful && !failed && lines.length <= 1 && lines.every(isSummary)) return undefined;
  const { functionName, durationMs, initMs, event } = record;
  const { action = functionName, subject } = purposeOf(event);
  const summary = lines.findLast(isSummary);
  const { hash, text } = summary ? readSummary(summary) : { hash: undefined, text: "" };
  const { result, paint } = describeOutcome(record, failed, color);
  const who = [subject && shorten(subject), hash && `(${hash})`].filter(Boolean).join(" ");
  const name = paint === color.red ? color.red(action.padEnd(24)) : action.padEnd(24);
  const cold = initMs === undefined ? "" : ` + ${initMs.toFixed(0)} ms cold start`;
  const columns = [
    color.bold(name),
    who.padEnd(19),
    `${durationMs.toFixed(0).padStart(3)} ms${cold}`,
    paint(result),
    text,
    action === functionName ? "" : color.dim(functionName),
  ];
  const rest = lines.filter((line) => line !== summary);
  return {
    line: columns.filter(Boolean).join("  "),
    below: withoutEcho(rest, record.outcome).flatMap((line) => describeLog(line, color)),
  };
};

/** A log line, indented; its stack trace on lines of its own. */
export const describeLog = (line: LogText, color: Colors): string[] => {
  const paint = {
    error: color.red,
    warn: color.yellow,
    info: color.dim,
    debug: color.dim,
    metric: color.dim,
  };
  const level = line.structured && line.level !== "info" ? `${line.level.toUpperCase()} ` : "";
  return `${level}${asText(line)}`
    .split("\n")
    .filter((text) => text.trim() !== "")
    .map((text) => `    ${paint[line.level](text)}`);
};

const isSummary = ({ structured, level, stack }: LogText): boolean =>
  structured && (level === "info" || level === "debug") && stack.length === 0;

/** Names that loggers commonly give to what the line shows anyway. */
const repeated = new Set(["operation", "durationMs"]);

const connectionFields = new Set(["connection", "connectionId"]);

/** The connection's name in the logs, shortened, and all else that the line says. A message that only names the operation says nothing. */
const readSummary = ({ message, fields }: LogText): { hash?: string | undefined; text: string } => {
  const connection = fields.find(([name]) => connectionFields.has(name))?.[1];
  const own = fields.filter(
    ([name, value]) =>
      !repeated.has(name) && !connectionFields.has(name) && !(name === "outcome" && value === "ok"),
  );
  const operation = fields.find(([name]) => name === "operation")?.[1];
  const parts = [
    message === operation ? "" : message,
    ...own.map(([name, value]) => `${name}=${shorten(value)}`),
  ];
  return { hash: connection?.slice(0, 8), text: clip(parts.filter(Boolean).join("  ")) };
};

const response = v.object({ statusCode: v.number() });

const authorizerEvent = v.object({ type: v.literal("REQUEST"), methodArn: v.string() });

const describeOutcome = (
  { outcome, event }: ObservedInvocation,
  loggedError: boolean,
  { red, yellow, green }: Colors,
): { readonly result: string; readonly paint: (text: string) => string } => {
  switch (outcome.kind) {
    case "returned": {
      const parsed = v.safeParse(response, outcome.payload);
      const status = parsed.success ? parsed.output.statusCode : undefined;
      const result = status === undefined ? "ok" : String(status);
      if (loggedError) return { result: `${result}, error logged`, paint: red };
      if (status === undefined || status < 400) return { result, paint: green };
      return { result, paint: status < 500 ? yellow : red };
    }
    case "failed":
      // This is how an authorizer answers 401.
      if (outcome.errorMessage === "Unauthorized" && v.is(authorizerEvent, event))
        return { result: "401 Unauthorized", paint: yellow };
      return { result: firstLine(`${outcome.errorType}: ${outcome.errorMessage}`), paint: red };
    case "timed-out":
      return { result: `timed out after ${outcome.afterSeconds} s`, paint: red };
    case "throttled":
      return { result: "throttled", paint: yellow };
  }
};

/** Leaves out what the runtime writes about an outcome that the invocation's line shows. */
const withoutEcho = (lines: readonly LogText[], outcome: Outcome): readonly LogText[] => {
  if (outcome.kind === "failed") {
    const [name, said] = [outcome.errorType, firstLine(`${outcome.errorType}: ${outcome.errorMessage}`)];
    if (outcome.errorMessage === "Unauthorized") return lines.filter(({ level }) => level !== "error");
    return lines.filter(
      ({ message }) => !message.startsWith("ERROR\t") && message !== said && message !== name,
    );
  }
  if (outcome.kind === "timed-out")
    return lines.filter(({ message }) => !/^Task timed out after [\d.]+ seconds$/.test(message));
  return lines;
};

/** One invocation may have done a hundred things; the status page shows them all. */
const clip = (text: string): string => (text.length > 240 ? `${text.slice(0, 239)}…` : text);

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
