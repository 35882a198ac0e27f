import * as v from "valibot";
import { asDuration } from "../statistic.js";

/** A line that a function writes by Powertools. */
const ownSchema = v.looseObject({
  level: v.string(),
  message: v.string(),
  errorCode: v.optional(v.string()),
  error: v.optional(v.union([v.string(), v.looseObject({ name: v.string(), message: v.string() })])),
});

/** Lambda's line about a handler that threw. */
const thrownSchema = v.object({
  level: v.picklist(["ERROR", "FATAL"]),
  message: v.object({ errorType: v.string(), errorMessage: v.string() }),
});

/** Lambda's line about an invocation that ran out of time. */
const timeoutSchema = v.object({
  type: v.literal("platform.report"),
  record: v.object({ status: v.literal("timeout"), metrics: v.object({ durationMs: v.number() }) }),
});

/** The fault that a log line reports, as the sentence's end after the function's name; undefined: no fault. */
export const faultIn = (line: string): string | undefined => {
  const value = parseJson(line);
  const own = v.safeParse(ownSchema, value);
  if (own.success) return ownFault(own.output);
  const thrown = v.safeParse(thrownSchema, value);
  if (thrown.success) {
    const { errorType, errorMessage } = thrown.output.message;
    // An authorizer refuses a token by throwing this message: nothing is wrong with the authorizer.
    return errorMessage === "Unauthorized" ? undefined : failed(`${errorType}: ${errorMessage}`);
  }
  const timeout = v.safeParse(timeoutSchema, value);
  if (!timeout.success) return undefined;
  return failed(`a timeout after ${asDuration(timeout.output.record.metrics.durationMs)}`);
};

const ownFault = ({ level, message, error, errorCode }: v.InferOutput<typeof ownSchema>) => {
  if (message.includes("Token refused")) {
    if (errorCode !== "SERVICE_UNAVAILABLE") return undefined;
    return "cannot fetch the user pool's keys; look at Cognito's status in the region, and in a VPC at the way to the internet";
  }
  if (error === undefined && !["ERROR", "CRITICAL", "FATAL"].includes(level)) return undefined;
  const text = typeof error === "object" ? `${error.name}: ${error.message}` : (error ?? message);
  if (errorCode !== "SERVICE_UNAVAILABLE" || forbiddenIn(text)) return failed(text);
  return `could not reach what it depends on (${brief(text)}); look at DynamoDB's throttles and status`;
};

const failed = (text: string): string => {
  const forbidden = forbiddenIn(text);
  if (forbidden) return `may not do ${forbidden}; grant it in infra/ and deploy`;
  return `failed with ${brief(text)}; if that began with a deployment, roll it back`;
};

/** IAM names the action; `@connections` answers 403 and names nothing. */
const forbiddenIn = (text: string): string | undefined => {
  const [, action, resource] = text.match(/not authorized to perform: (\S+)(?: on resource: (\S+))?/) ?? [];
  if (action === undefined) {
    return /@connections failed: status 403/.test(text) ? "execute-api:ManageConnections" : undefined;
  }
  const what = resource?.split(":").slice(5).join(":");
  return what ? `${action} on ${what}` : action;
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
