import { assumptions } from "./assumption.js";
import type { Load } from "./load.js";
import { type Item, type PriceList, priced } from "./price.js";
import type { Stage } from "./resources.js";
import { type Flow, mapWork, sumOf, type Usage, type Work } from "./usage.js";

export interface Service {
  readonly service: string;
  readonly items: readonly Item[];
  readonly dollars: number;
}

/** What a month costs. */
export interface Bill {
  readonly services: readonly Service[];
  readonly total: number;
}

export interface Circumstances {
  readonly load: Load;
  readonly usage: Pick<Usage, "flows" | "rows" | "series">;
  readonly stage: Stage;
  readonly prices: PriceList["prices"];
}

/** The bill of a month with this load, its parts in the order of the services. */
export const billOf = (circumstances: Circumstances): Bill => {
  const { load, usage, stage, prices } = circumstances;
  const month = monthOf(circumstances);
  const { heartbeats, sessions, reaper } = month;
  const others = together(sessions, reaper);
  const all = together(heartbeats, others);
  const broadcast = load.updates * load.minutes * month.listeners;
  const stored = storedBytes(circumstances);
  const logs = logBytes(all, stage);
  const logDays = stage.logRetentionDays + assumptions.logLagDays.value;
  const services: [string, Item[]][] = [
    [
      "API Gateway",
      [
        ...priced(prices.messages, [
          ["frames from clients", all.messagesIn],
          ["frames to clients", all.messagesOut],
          ...(broadcast > 0 ? [["broadcast frames", broadcast] as const] : []),
          ["handshakes and closes, should they be metered", all.handshakes + all.otherCalls],
        ]),
        ...priced(prices.connectionMinutes, [["connections", month.connectionMinutes]]),
      ],
    ],
    [
      "Lambda",
      [
        ...priced(prices.lambdaRequests, [
          ["heartbeats", invocationsOf(heartbeats)],
          ["all other invocations", invocationsOf(others)],
        ]),
        ...priced(prices.lambdaDuration, [
          ["heartbeats", warmGbSeconds(heartbeats, stage)],
          ["all other invocations", warmGbSeconds(others, stage)],
          ["cold starts", coldGbSeconds(all, stage)],
        ]),
      ],
    ],
    [
      "DynamoDB",
      [
        ...priced(prices.writeUnits, [
          ["heartbeats", heartbeats.writeUnits],
          ["sessions and connections", others.writeUnits],
        ]),
        ...priced(prices.readUnits, [
          [
            "sessions and connections",
            heartbeats.readUnits + sessions.readUnits + announcedUnits(circumstances, month),
          ],
          ["the reaper", reaper.readUnits + scannedUnits(circumstances, month)],
        ]),
        ...priced(prices.tableStorage, [["tables and index", stored]]),
        ...(stage.backups ? priced(prices.tableBackup, [["point-in-time recovery", stored]]) : []),
      ],
    ],
    [
      "CloudWatch",
      [
        ...priced(prices.functionLogs, [
          ["functions' log lines", logs.functions],
          ["functions' metric lines", logs.metrics],
        ]),
        ...priced(prices.accessLogs, [["access log", logs.access]]),
        ...priced(prices.logStorage, [
          ["logs kept", ((logs.functions + logs.metrics + logs.access) / monthDays(load)) * logDays],
        ]),
        ...priced(prices.metrics, [
          ["metrics of a month without refusals", usage.series.length],
          ["metrics of refusals and faults", assumptions.refusalSeries.value],
        ]),
        ...priced(prices.alarmMetrics, [
          ["metrics in alarms", Object.values(stage.alarms).reduce((sum, metrics) => sum + metrics, 0)],
        ]),
        ...priced(prices.dashboards, [["dashboards", stage.dashboards]]),
      ],
    ],
    ["Cognito", priced(prices.activeUsers, [["active users", load.speakers]])],
    [
      "Others",
      [
        ...priced(prices.transferOut, [
          [
            "data to clients",
            all.bytesOut +
              all.messagesOut * assumptions.frameBytes.value +
              all.handshakes * assumptions.handshakeBytes.value +
              broadcast * (assumptions.updateBytes.value + assumptions.frameBytes.value),
          ],
        ]),
        ...priced(prices.scheduledRuns, [["EventBridge: the reaper's schedule", month.runs]]),
        ...priced(prices.mails, [["SNS: alarm mails", assumptions.alarmMails.value]]),
        ...priced(prices.queueRequests, [["SQS: what stream functions give up on", 0]]),
      ],
    ],
  ];
  const summed = services.map(([service, items]) => ({
    service,
    items,
    dollars: items.reduce((sum, { dollars }) => sum + dollars, 0),
  }));
  return { services: summed, total: summed.reduce((sum, { dollars }) => sum + dollars, 0) };
};

const together = (one: Flow, other: Flow): Flow =>
  sumOf([
    [one, 1],
    [other, 1],
  ]);

/** Thirty days, or as many as have sessions. */
const monthDays = ({ days }: Load): number => Math.max(30, days);

interface Month {
  readonly listeners: number;
  readonly connectionMinutes: number;
  /** Of the reaper, which also runs when nobody is there. */
  readonly runs: number;
  readonly heartbeats: Flow;
  /** Everything that begins and ends sessions and connections. */
  readonly sessions: Flow;
  /** Without what its scans read: that depends on how many rows there are. */
  readonly reaper: Flow;
}

const monthOf = ({ load, usage: { flows }, stage }: Circumstances): Month => {
  const { minutes, heartbeat, leaving, logSampling } = load;
  const sessions = load.sessions * load.days;
  const listeners = sessions * load.listeners;
  // However many connections each of them has one after the other.
  const participants = sessions + listeners;
  const refreshes = refreshesIn(minutes, stage);
  const beats = Math.floor((minutes * 60) / heartbeat);
  const connectionMinutes = participants * minutes;
  const runs = (monthDays(load) * 24 * 60) / stage.reaperMinutes;
  const sampled = ({ logBytes, metricBytes }: Work) => ({
    logBytes: logBytes * logSampling,
    metricBytes: metricBytes * logSampling,
  });
  return {
    listeners,
    connectionMinutes,
    runs,
    heartbeats: mapWork(
      sumOf([
        [flows.heartbeat, participants * Math.max(0, beats - refreshes)],
        [flows["heartbeat past the refresh moment"], participants * refreshes],
      ]),
      sampled,
    ),
    sessions: sumOf([
      [flows.create, sessions],
      [flows.join, listeners],
      [flows["speaker refreshes"], sessions * refreshes],
      [flows["listener refreshes"], listeners * refreshes],
      [flows["listener leaves"], listeners * leaving],
      [flows["session ends"], sessions],
      [flows["session ends, per listener"], listeners * (1 - leaving)],
    ]),
    reaper: sumOf([
      [flows["reaper run"], runs],
      [flows["reaper run, per connection"], connectionMinutes / stage.reaperMinutes],
    ]),
  };
};

/** How often each participant changes its connection, if it always does so at the earliest: at 90 % of the setting. */
export const refreshesIn = (minutes: number, { settings }: Stage): number =>
  Math.max(0, Math.ceil(minutes / (0.9 * settings.connectionRefreshMinutes)) - 1);

const works = ({ functions }: Flow): Work[] => Object.values(functions);

const invocationsOf = (flow: Flow): number =>
  works(flow).reduce((sum, { invocations }) => sum + invocations, 0);

const memoryOf = (name: string, { functions, name: stage }: Stage): number => {
  const memory = functions[name];
  if (memory === undefined) throw new Error(`Stage ${stage} has no function ${name}`);
  return memory;
};

/** Computing at the function's share of a CPU, and waiting. */
const warmGbSeconds = ({ functions }: Flow, stage: Stage): number =>
  Object.entries(functions).reduce((sum, [name, { computingMs, requests, calls }]) => {
    const memoryMb = memoryOf(name, stage);
    const computing = computingMs * Math.max(1, assumptions.wholeCpuMb.value / memoryMb);
    const waiting = requests * assumptions.dynamoDbMs.value + calls * assumptions.callMs.value;
    return sum + ((memoryMb / 1_024) * (computing + waiting)) / 1_000;
  }, 0);

const coldGbSeconds = ({ functions }: Flow, stage: Stage): number =>
  Object.entries(functions).reduce((sum, [name, { invocations }]) => {
    const starts = invocations * assumptions.coldShare.value;
    return sum + ((memoryOf(name, stage) / 1_024) * starts * assumptions.coldMs.value) / 1_000;
  }, 0);

const logBytes = (flow: Flow, { accessLog, settings }: Stage) => ({
  functions: ["DEBUG", "INFO"].includes(settings.logLevel)
    ? works(flow).reduce((sum, work) => sum + work.logBytes, 0)
    : 0,
  metrics: works(flow).reduce((sum, work) => sum + work.metricBytes, 0),
  access:
    flow.handshakes * accessLog.connect +
    flow.messagesIn * accessLog.message +
    (flow.functions["disconnect-handler"]?.invocations ?? 0) * accessLog.disconnect,
});

/** Rows of Sessions that are there on average: until their end, and until DynamoDB removes them. */
const sessionRows = ({ load, stage }: Circumstances): number => {
  const hours =
    load.minutes / 60 + stage.settings.sessionMaxDurationHours + assumptions.removalLagHours.value;
  return ((load.sessions * load.days) / monthDays(load) / 24) * hours;
};

/** A read unit is one consistent read of so many bytes. */
const readUnitBytes = 4_096;

/** What the reaper's scans of both tables read beyond the one unit each that every run is measured with. */
const scannedUnits = (circumstances: Circumstances, { connectionMinutes, runs }: Month): number => {
  const { usage, stage } = circumstances;
  const connections = (connectionMinutes / stage.reaperMinutes) * usage.rows.connection;
  const sessions = runs * sessionRows(circumstances) * usage.rows.session;
  return (connections + sessions) / readUnitBytes;
};

/** What finding a session's listeners at its end reads beyond what is measured with a few: half a unit, by the index. */
const announcedUnits = ({ usage }: Circumstances, { listeners }: Month): number =>
  (0.5 * listeners * usage.rows.connection) / readUnitBytes;

/** What the tables and the index hold on average. */
const storedBytes = (circumstances: Circumstances): number => {
  const { load, usage } = circumstances;
  const perHour = (load.sessions * load.days * (1 + load.listeners)) / monthDays(load) / 24;
  const connected = (perHour * load.minutes) / 60;
  // A limiter's row expires an hour after its last use.
  const limited = perHour * (load.minutes / 60 + 1 + assumptions.removalLagHours.value);
  return (
    sessionRows(circumstances) * usage.rows.session +
    connected * 2 * usage.rows.connection +
    limited * usage.rows.rateLimits
  );
};
