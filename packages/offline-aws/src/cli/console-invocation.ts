import * as v from "valibot";
import type { Outcome } from "../lambda/invocation.js";
import { asText, type LogText, outcomeText } from "../log-text.js";
import type { ObservedInvocation } from "../uneventful.js";
import type { colorsFor } from "./terminal.js";

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

const authorizerEvent = v.object({ type: v.literal("REQUEST"), methodArn: v.string() });

const describeOutcome = (
  { outcome, event }: ObservedInvocation,
  loggedError: boolean,
  { red, yellow, green }: Colors,
): { readonly result: string; readonly paint: (text: string) => string } => {
  // This is how an authorizer answers 401.
  if (outcome.kind === "failed" && outcome.errorMessage === "Unauthorized" && v.is(authorizerEvent, event))
    return { result: "401 Unauthorized", paint: yellow };
  const { level, text } = outcomeText(outcome, loggedError);
  return { result: firstLine(text), paint: level === "error" ? red : level === "warn" ? yellow : green };
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

/** The reason for an invocation. */
interface Purpose {
  /** `placeOrder`, `$disconnect`, `GET /items`, `INSERT Orders`; absent when the event does not tell. */
  readonly action?: string;
  /** The connection, or the key of the one item that changed. */
  readonly subject?: string;
}

const named = v.optional(v.object({ action: v.optional(v.string()) }));

const webSocketEvent = v.object({
  requestContext: v.object({ routeKey: v.string(), connectionId: v.string() }),
  queryStringParameters: named,
  body: v.optional(v.string()),
});

const httpEvent = v.object({
  requestContext: v.object({ http: v.object({ method: v.string(), path: v.string() }) }),
});

const streamEvent = v.object({
  Records: v.array(
    v.object({
      eventName: v.string(),
      eventSourceARN: v.string(),
      dynamodb: v.object({ Keys: v.record(v.string(), v.record(v.string(), v.unknown())) }),
    }),
  ),
});

/** Reads the action from the route key, or from `action` in the query or the body of a general route. */
const purposeOf = (event: unknown): Purpose => {
  const socket = v.safeParse(webSocketEvent, event);
  if (socket.success) return purposeOfMessage(socket.output);
  const http = v.safeParse(httpEvent, event);
  if (http.success) {
    const { method, path } = http.output.requestContext.http;
    return { action: printable(`${method} ${path}`) };
  }
  const stream = v.safeParse(streamEvent, event);
  return stream.success ? purposeOfRecords(stream.output) : {};
};

const purposeOfMessage = ({
  requestContext: { routeKey, connectionId },
  queryStringParameters,
  body,
}: v.InferOutput<typeof webSocketEvent>): Purpose => {
  const action = routeKey === "$default" ? actionIn(body) : queryStringParameters?.action;
  return { action: printable(action || routeKey), subject: connectionId };
};

const actionIn = (body = ""): string | undefined => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), named), body);
  return parsed.success ? parsed.output?.action : undefined;
};

const purposeOfRecords = ({ Records }: v.InferOutput<typeof streamEvent>): Purpose => {
  const [first] = Records;
  if (!first) return {};
  const table = first.eventSourceARN.match(/:table\/([^/]+)/)?.[1] ?? first.eventSourceARN;
  if (Records.length > 1) return { action: `${Records.length} changes ${table}` };
  const keys = Object.values(first.dynamodb.Keys).flatMap((key) => Object.values(key));
  return { action: `${first.eventName} ${table}`, subject: printable(keys.join(" ")) };
};

/** A client may send anything: nothing of it may move a terminal's cursor or fill its screen. */
const printable = (text: string): string => text.replace(/\p{C}/gu, "").slice(0, 40);

/** The first characters of an id or a hash; a name that a person can read stays whole. */
const shorten = (text: string): string => {
  if (/^[\w+/-]{15}=$/.test(text)) return text.slice(0, 8);
  return /^[\w+/=-]{32,}$/.test(text) ? `${text.slice(0, 8)}…` : text;
};
