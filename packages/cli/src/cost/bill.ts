import { sum } from "../statistic.js";
import assumptions from "./assumptions.json" with { type: "json" };
import {
  type Circumstances,
  coldGbSeconds,
  invocationsOf,
  type Month,
  monthOf,
  warmGbSeconds,
} from "./month.js";
import { type Item, type PriceName, priced, priceList } from "./price.js";

/** The cost of a month, in dollars. */
export interface Bill {
  readonly services: readonly {
    readonly service: string;
    readonly items: readonly Item[];
    readonly dollars: number;
  }[];
  readonly total: number;
}

/** Prices every line of the month. Lines with the same price share its tiers, in their order. */
export const billOf = (circumstances: Circumstances): Bill => {
  const month = monthOf(circumstances);
  const counted: Partial<Record<PriceName, number>> = {};
  const services = Object.entries(lines).map(([service, itsLines]) => {
    const items = itsLines.flatMap(([what, name, countOf]) => {
      const count = countOf(month);
      if (count === undefined) return [];
      const before = counted[name] ?? 0;
      counted[name] = before + count;
      return [priced(priceList.prices[name], what, count, before)];
    });
    return { service, items, dollars: sum(items.map(({ dollars }) => dollars)) };
  });
  return { services, total: sum(services.map(({ dollars }) => dollars)) };
};

/** A line of the bill: its name, its price, and how much of it a month brings. Undefined leaves the line out. */
type Line = readonly [what: string, price: PriceName, countOf: (month: Month) => number | undefined];

const lines: Readonly<Record<string, readonly Line[]>> = {
  "API Gateway": [
    ["frames from clients", "messages", ({ all }) => all(({ messagesIn }) => messagesIn)],
    ["frames to clients", "messages", ({ all }) => all(({ messagesOut }) => messagesOut)],
    ["broadcast frames", "messages", ({ broadcasts }) => broadcasts || undefined],
    [
      "handshakes and closes, if they are metered",
      "messages",
      ({ all }) => all(({ handshakes, otherCalls }) => handshakes + otherCalls),
    ],
    ["connections", "connectionMinutes", ({ connectionMinutes }) => connectionMinutes],
  ],
  Lambda: [
    ["heartbeats", "lambdaRequests", ({ heartbeats }) => heartbeats(invocationsOf)],
    ["all other invocations", "lambdaRequests", ({ others }) => others(invocationsOf)],
    ["heartbeats", "lambdaDuration", ({ heartbeats, stage }) => heartbeats(warmGbSeconds(stage))],
    ["all other invocations", "lambdaDuration", ({ others, stage }) => others(warmGbSeconds(stage))],
    ["cold starts", "lambdaDuration", ({ all, stage }) => all(coldGbSeconds(stage))],
  ],
  DynamoDB: [
    ["heartbeats", "writeUnits", ({ heartbeats }) => heartbeats(({ writeUnits }) => writeUnits)],
    ["sessions and connections", "writeUnits", ({ others }) => others(({ writeUnits }) => writeUnits)],
    [
      "sessions and connections",
      "readUnits",
      ({ heartbeats, sessions, endingReadUnits }) =>
        heartbeats(({ readUnits }) => readUnits) + sessions(({ readUnits }) => readUnits) + endingReadUnits,
    ],
    [
      "the reaper",
      "readUnits",
      ({ reaper, scanReadUnits }) => reaper(({ readUnits }) => readUnits) + scanReadUnits,
    ],
    ["tables and index", "tableStorage", ({ storedBytes }) => storedBytes],
    [
      "point-in-time recovery",
      "tableBackup",
      ({ stage, storedBytes }) => (stage.backups ? storedBytes : undefined),
    ],
  ],
  CloudWatch: [
    ["functions' log lines", "functionLogs", ({ logBytes }) => logBytes.functions],
    ["functions' metric lines", "functionLogs", ({ logBytes }) => logBytes.metrics],
    ["access log", "accessLogs", ({ logBytes }) => logBytes.access],
    [
      "logs kept",
      "logStorage",
      ({ logBytes: { functions, metrics, access }, days, stage }) =>
        ((functions + metrics + access) / days) * (stage.logRetentionDays + assumptions.logLagDays.value),
    ],
    [
      "metrics of a month without refusals",
      "metrics",
      ({ usage, stage }) => (stage.metrics ? usage.series.length : 0),
    ],
    [
      "metrics of refusals and faults",
      "metrics",
      ({ stage }) => (stage.metrics ? assumptions.refusalSeries.value : 0),
    ],
    ["metrics in alarms", "alarmMetrics", ({ stage }) => sum(Object.values(stage.alarms))],
    ["dashboards", "dashboards", ({ stage }) => stage.dashboards],
  ],
  Cognito: [["active users", "activeUsers", ({ load }) => load.speakers]],
  Others: [
    [
      "data to clients",
      "transferOut",
      ({ all, broadcasts }) =>
        all(
          ({ bytesOut, messagesOut, handshakes }) =>
            bytesOut +
            messagesOut * assumptions.frameBytes.value +
            handshakes * assumptions.handshakeBytes.value,
        ) +
        broadcasts * (assumptions.updateBytes.value + assumptions.frameBytes.value),
    ],
    ["EventBridge: the reaper's schedule", "scheduledRuns", ({ reaperRuns }) => reaperRuns],
    ["SNS: alarm mails", "mails", () => assumptions.alarmMails.value],
    ["SQS: failed batches of the streams", "queueRequests", () => 0],
  ],
};
