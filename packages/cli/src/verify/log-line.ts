import * as v from "valibot";
import { asDuration } from "../statistic.js";

/** What a function's log line tells of something that went wrong. */
export interface Fault {
  /** `AccessDeniedException: User … is not authorized to perform …` */
  readonly text: string;
  /** What its role may not do: `dynamodb:PutItem on table/Connections-prod`. */
  readonly forbidden?: string;
  /** The client was told `SERVICE_UNAVAILABLE`: something that the function depends on could not be had. */
  readonly unavailable: boolean;
}

const thrown = v.looseObject({ name: v.string(), message: v.string() });

/** A line of the functions' own, as Powertools writes it. */
const ownSchema = v.looseObject({
  level: v.string(),
  message: v.string(),
  errorCode: v.optional(v.string()),
  error: v.optional(v.union([v.string(), thrown])),
});

/** A line of Lambda's about a handler that threw, in its JSON format. */
const runtimeSchema = v.object({
  level: v.picklist(["ERROR", "FATAL"]),
  message: v.object({ errorType: v.string(), errorMessage: v.string() }),
});

/** A line of Lambda's about an invocation that ran out of time. */
const reportSchema = v.object({
  type: v.literal("platform.report"),
  record: v.object({ status: v.literal("timeout"), metrics: v.object({ durationMs: v.number() }) }),
});

const errors = ["ERROR", "CRITICAL", "FATAL"];

/** The fault that a line tells of; undefined: it tells of none. */
export const faultIn = (line: string): Fault | undefined => {
  const value = parseJson(line);
  const own = v.safeParse(ownSchema, value);
  if (own.success) {
    const { level, message, error, errorCode } = own.output;
    if (error === undefined && !errors.includes(level)) return undefined;
    const text = typeof error === "object" ? `${error.name}: ${error.message}` : (error ?? message);
    return fault(text, errorCode === "SERVICE_UNAVAILABLE");
  }
  const runtime = v.safeParse(runtimeSchema, value);
  if (runtime.success) {
    const { errorType, errorMessage } = runtime.output.message;
    // By this very message an authorizer refuses a token: nothing is wrong with it.
    return errorMessage === "Unauthorized" ? undefined : fault(`${errorType}: ${errorMessage}`);
  }
  const report = v.safeParse(reportSchema, value);
  if (report.success) return fault(`a timeout after ${asDuration(report.output.record.metrics.durationMs)}`);
  const [, uncaught] = line.match(/\bERROR\t[^\t]*\t(\{.*\})\s*$/) ?? [];
  if (uncaught !== undefined) return faultIn(`{"level":"ERROR","message":${uncaught}}`);
  const [, seconds] = line.match(/Task timed out after ([\d.]+) seconds/) ?? [];
  return seconds === undefined ? undefined : fault(`a timeout after ${asDuration(Number(seconds) * 1_000)}`);
};

/** As what the authorizer refused a token: `UNAUTHORIZED`, or another of the protocol's codes; undefined: it is no such line. */
export const refusedTokenIn = (line: string): string | undefined => {
  const own = v.safeParse(ownSchema, parseJson(line));
  return own.success && own.output.message.includes("Token refused") ? own.output.errorCode : undefined;
};

const fault = (text: string, unavailable = false): Fault => {
  const forbidden = forbiddenIn(text);
  return { text: brief(text), ...(forbidden === undefined ? {} : { forbidden }), unavailable };
};

/** IAM names the action; `@connections` answers 403 and names nothing. */
const forbiddenIn = (text: string): string | undefined => {
  const [, action, resource] = text.match(/not authorized to perform: (\S+)(?: on resource: (\S+))?/) ?? [];
  if (action !== undefined) {
    const what = resource?.split(":").slice(5).join(":");
    return what ? `${action} on ${what}` : action;
  }
  return /@connections failed: status 403/.test(text) ? "execute-api:ManageConnections" : undefined;
};

const longest = 200;

const brief = (text: string): string => {
  const [first = ""] = text.split("\n");
  return first.length > longest ? `${first.slice(0, longest)}…` : first;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
