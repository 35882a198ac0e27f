import * as v from "valibot";
import type { Authorize } from "../iam.js";
import type { Plan } from "../plan/plan.js";
import { accountId } from "../synth/cloud.js";

import { demand, ServiceError } from "./error.js";
import { filterPattern } from "./filter-pattern.js";
import type { Service } from "./http.js";
import { fieldsOf, jsonService } from "./json-service.js";
import type { LogEvent, LogStore } from "./log-store.js";

export interface LogsServiceOptions {
  readonly plan: Pick<Plan, "region">;
  readonly logs: Pick<LogStore, "events">;
  readonly authorize: Authorize;
}

const requestSchema = v.object({
  logGroupName: v.optional(v.string()),
  /** A name or an ARN. */
  logGroupIdentifier: v.optional(v.string()),
  logStreamNames: v.optional(v.array(v.string())),
  logStreamNamePrefix: v.optional(v.string(), ""),
  startTime: v.optional(v.number(), 0),
  endTime: v.optional(v.number(), Number.POSITIVE_INFINITY),
  filterPattern: v.optional(v.string(), ""),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 10_000),
  nextToken: v.optional(v.string()),
});

/** CloudWatch's limit on one page. */
const maxPageBytes = 1_048_576;

/** CloudWatch Logs' `FilterLogEvents`. */
export const logsService = ({ plan, logs, authorize }: LogsServiceOptions): Service =>
  jsonService("CloudWatch Logs", "Logs_20140328", {
    FilterLogEvents: (body, accessKeyId) => {
      const request = fieldsOf(requestSchema, body);
      const group = groupOf(request);
      const resource = `arn:aws:logs:${plan.region}:${accountId}:log-group:${group}:log-stream:`;
      demand(authorize, { accessKeyId, action: "logs:FilterLogEvents", resource });
      const events = logs.events(group);
      if (!events)
        throw new ServiceError("ResourceNotFoundException", "The specified log group does not exist.");
      const { startTime, endTime, logStreamNames, logStreamNamePrefix } = request;
      const matches = filterPattern(request.filterPattern);
      const after = afterOf(request.nextToken);
      const found = events.filter(
        ({ eventId, timestamp, logStreamName, message }) =>
          eventId > after &&
          timestamp >= startTime &&
          timestamp <= endTime &&
          (logStreamNames?.includes(logStreamName) ?? logStreamName.startsWith(logStreamNamePrefix)) &&
          matches(message),
      );
      const page = pageOf(found, request.limit);
      const last = page.at(-1);
      return {
        events: page.map((event) => ({ ...event, ingestionTime: event.timestamp })),
        searchedLogStreams: [],
        ...(last && page.length < found.length && { nextToken: tokenOf(last) }),
      };
    },
  });

const groupOf = ({ logGroupName, logGroupIdentifier }: v.InferOutput<typeof requestSchema>): string => {
  const named = logGroupName ?? logGroupIdentifier?.replace(/^arn:.*:log-group:/, "").replace(/:\*$/, "");
  if (named) return named;
  throw new ServiceError(
    "InvalidParameterException",
    "Name a log group: logGroupName or logGroupIdentifier.",
  );
};

/** The first events, within the caller's limit and the limit of a page, but at least one. */
const pageOf = (events: readonly LogEvent[], limit: number): readonly LogEvent[] => {
  let bytes = 0;
  const full = events.findIndex(({ message }, index) => {
    bytes += Buffer.byteLength(message);
    return index > 0 && (index >= limit || bytes > maxPageBytes);
  });
  return full < 0 ? events : events.slice(0, full);
};

const tokenOf = ({ eventId }: LogEvent): string => Buffer.from(eventId).toString("base64url");

/** The id of the last event that the caller has seen. */
const afterOf = (nextToken: string | undefined): string => {
  if (nextToken === undefined) return "";
  const eventId = Buffer.from(nextToken, "base64url").toString();
  if (/^\d{56}$/.test(eventId)) return eventId;
  throw new ServiceError("InvalidParameterException", "The specified nextToken is invalid.");
};
