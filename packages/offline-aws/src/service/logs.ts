import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Authorize } from "../iam.js";
import type { Plan } from "../plan/plan.js";
import { accountId, uuidOf } from "../synth/cloud.js";
import { demand, ServiceError } from "./error.js";
import { filterPattern } from "./filter-pattern.js";
import { fieldsOf, jsonService, type Service } from "./http.js";

export interface LogEvent {
  /** Grows with each event. */
  readonly eventId: string;
  readonly logStreamName: string;
  /** Milliseconds since the epoch, by the stack's clock. */
  readonly timestamp: number;
  readonly message: string;
}

/** The last events of each log group. */
export interface LogStore {
  put(group: string, message: string): void;
  /** The oldest first; undefined for a group that does not exist. */
  events(group: string): readonly LogEvent[] | undefined;
}

interface Group {
  readonly events: LogEvent[];
  /** The index of the next event. In a full group it is the oldest event's. */
  next: number;
}

/** `keep` is the number of events that a group keeps, by default 10,000. */
export const createLogStore = ({
  groups,
  clock,
  keep = 10_000,
}: {
  readonly groups: readonly string[];
  readonly clock: Clock;
  readonly keep?: number;
}): LogStore => {
  const stored = new Map(groups.map((name): [string, Group] => [name, { events: [], next: 0 }]));
  let count = 0;

  return {
    // Roles allow functions to write to their group, not to create it.
    put: (name, message) => {
      const group = stored.get(name);
      if (!group) return;
      count += 1;
      const timestamp = clock.now();
      group.events[group.next] = {
        eventId: idOf(count),
        logStreamName: streamOf(name, timestamp),
        timestamp,
        message,
      };
      group.next = (group.next + 1) % keep;
    },
    events: (name) => {
      const group = stored.get(name);
      return group && [...group.events.slice(group.next), ...group.events.slice(0, group.next)];
    },
  };
};

/** CloudWatch's event ids are numbers of 56 digits. */
const idOf = (count: number): string => `3${String(count).padStart(55, "0")}`;

/** Lambda has one stream per environment; here a function has one per day. */
const streamOf = (group: string, timestamp: number): string => {
  const day = new Date(timestamp).toISOString().slice(0, 10).replaceAll("-", "/");
  return `${day}/[$LATEST]${uuidOf(group).replaceAll("-", "")}`;
};

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
export const logsService = ({
  plan,
  logs,
  authorize,
}: {
  readonly plan: Pick<Plan, "region">;
  readonly logs: Pick<LogStore, "events">;
  readonly authorize: Authorize;
}): Service =>
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
