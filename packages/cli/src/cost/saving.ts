import { billOf } from "./bill.js";
import type { Circumstances } from "./month.js";
import type { Stage } from "./stage.js";

/** A change of a setting, and what a month costs less with it. */
export interface Saving {
  /** `heartbeatIntervalSeconds 60` */
  readonly change: string;
  /** Where to make the change. */
  readonly where: string;
  /** Dollars; negative when the change costs more. */
  readonly dollars: number;
}

/** Prices each change alone. Two changes together may save less than their sum. */
export const savingsOf = (circumstances: Circumstances): Saving[] => {
  const { total } = billOf(circumstances);
  return changesOf(circumstances).map(([change, where, to]) => ({
    change,
    where,
    dollars: total - billOf({ ...circumstances, ...to }).total,
  }));
};

/** Metrics without an alarm: only the dashboard shows them. */
const withoutAlarm = ["FanOutSize", "FanOutGone", "FanOutDuration", "ColdStarts"];

type Change = readonly [change: string, where: string, to: Partial<Circumstances>];

const changesOf = ({ load, stage, usage }: Circumstances): Change[] => {
  const config = "infra/deployments.ts";
  const monitoring = "infra/monitoring.ts";
  const withStage = (changed: Partial<Stage>) => ({ stage: { ...stage, ...changed } });
  const interval = (heartbeat: number): Change => [
    [`heartbeatIntervalSeconds ${heartbeat}`, ...timeoutFor(heartbeat, stage)].join(", "),
    `${config}, and the clients`,
    { load: { ...load, heartbeat } },
  ];
  const sampling = (logSampling: number): Change => [
    `heartbeatLogSampling ${logSampling}`,
    config,
    { load: { ...load, logSampling } },
  ];
  const metrics = usage.series.filter((name) => !withoutAlarm.includes(name));
  const alarms = Object.entries(stage.alarms).filter(([name]) => !name.startsWith("throttles-"));
  return [
    ...[60, 120, 240].filter((seconds) => seconds > load.heartbeat).map(interval),
    ...[1, 0.01].filter((part) => part !== load.logSampling).map(sampling),
    [
      "logLevel WARN: metrics, but no lines of requests that succeed",
      config,
      withStage({ settings: { ...stage.settings, logLevel: "WARN" } }),
    ],
    [
      "no access log",
      "infra/realtime.ts",
      withStage({ accessLog: { connect: 0, message: 0, disconnect: 0 } }),
    ],
    [
      `no ${withoutAlarm.slice(0, -1).join(", ")} and ${withoutAlarm.at(-1)}`,
      "packages/core/src/port/metric.ts",
      { usage: { ...usage, series: metrics } },
    ],
    ["no alarms on throttles", monitoring, withStage({ alarms: Object.fromEntries(alarms) })],
    ["no alarms at all", monitoring, withStage({ alarms: {} })],
    ["no dashboard", "sst.config.ts", withStage({ dashboards: 0 })],
    ["monitoring false: logs alone", config, withStage({ alarms: {}, metrics: false, dashboards: 0 })],
  ];
};

/** The reaper must wait for three heartbeats, or it closes connections that are alive. */
export const timeoutFor = (heartbeat: number, { settings }: Stage): string[] =>
  heartbeat < settings.heartbeatTimeoutSeconds ? [] : [`heartbeatTimeoutSeconds ${3 * heartbeat}`];
