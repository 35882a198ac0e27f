import { billOf, type Circumstances } from "./bill.js";
import type { Stage } from "./resources.js";

/** What a month would cost less with something set otherwise. */
export interface Saving {
  /** `heartbeatIntervalSeconds 60` */
  readonly change: string;
  /** Where it is set. */
  readonly where: string;
  /** Dollars; negative where it would cost more. */
  readonly dollars: number;
}

interface Change extends Pick<Saving, "change" | "where"> {
  readonly to: Circumstances;
}

/** The bill is made anew for each change by itself; what two of them save together may be less than their sum. */
export const savingsOf = (circumstances: Circumstances): Saving[] => {
  const { total } = billOf(circumstances);
  return changesOf(circumstances).map(({ change, where, to }) => ({
    change,
    where,
    dollars: total - billOf(to).total,
  }));
};

const config = "infra/deployments.ts";

/** Metrics that no alarm watches, only the dashboard and whoever looks. */
const onlyLookedAt = ["FanOutSize", "FanOutGone", "FanOutDuration", "ColdStarts"];

const changesOf = (from: Circumstances): Change[] => {
  const { load, stage, usage } = from;
  const withStage = (changed: Partial<Stage>): Circumstances => ({
    ...from,
    stage: { ...stage, ...changed },
  });
  const withAlarms = (keep: (name: string) => boolean): Circumstances =>
    withStage({ alarms: Object.fromEntries(Object.entries(stage.alarms).filter(([name]) => keep(name))) });
  const withoutSeries = (names: readonly string[]): Circumstances => ({
    ...from,
    usage: { ...usage, series: usage.series.filter((name) => !names.includes(name)) },
  });
  const intervals = [60, 120, 240].filter((seconds) => seconds > load.heartbeat);
  const samplings = [1, 0.01].filter((share) => share !== load.logSampling);
  return [
    ...intervals.map((heartbeat) => ({
      change: [`heartbeatIntervalSeconds ${heartbeat}`, ...timeoutFor(heartbeat, stage)].join(", "),
      where: `${config}, and the clients`,
      to: { ...from, load: { ...load, heartbeat } },
    })),
    ...samplings.map((logSampling) => ({
      change: `heartbeatLogSampling ${logSampling}`,
      where: config,
      to: { ...from, load: { ...load, logSampling } },
    })),
    {
      change: "logLevel WARN: metrics, but no lines of what went well",
      where: config,
      to: withStage({ settings: { ...stage.settings, logLevel: "WARN" } }),
    },
    {
      change: "no access log",
      where: "infra/realtime.ts",
      to: withStage({ accessLog: { connect: 0, message: 0, disconnect: 0 } }),
    },
    {
      change: `no ${onlyLookedAt.slice(0, -1).join(", ")} and ${onlyLookedAt.at(-1)}`,
      where: "packages/core/src/metric.ts",
      to: withoutSeries(onlyLookedAt),
    },
    {
      change: "no alarms on throttles",
      where: "infra/monitoring.ts",
      to: withAlarms((name) => !name.startsWith("throttles-")),
    },
    { change: "no alarms at all", where: "infra/monitoring.ts", to: withAlarms(() => false) },
    { change: "no dashboard", where: "sst.config.ts", to: withStage({ dashboards: 0 }) },
  ];
};

/** The silence to be allowed where the stage's would be over before the next heartbeat: that of three beats. */
export const timeoutFor = (heartbeat: number, { settings }: Stage): string[] =>
  heartbeat < settings.heartbeatTimeoutSeconds ? [] : [`heartbeatTimeoutSeconds ${3 * heartbeat}`];
