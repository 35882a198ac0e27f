import { functions } from "../../../../infra/functions.js";
import assumptions from "./assumptions.json" with { type: "json" };
import type { Load } from "./load.js";
import { type Stage, shortName } from "./stage.js";
import type { Flow, FlowName, Usage, Work } from "./usage.js";

export interface Circumstances {
  readonly load: Load;
  readonly usage: Pick<Usage, "flows" | "rows" | "series">;
  readonly stage: Stage;
}

/** Adds up one figure over several flows: how often each happens in the month, times what it uses. */
type Sum = (figureOf: (flow: Flow) => number) => number;

/** The function that answers `$disconnect`, as `usage.json` names it. */
const disconnect = shortName(functions.Disconnect.name, "");

/** DynamoDB reads this many bytes for one unit, consistently. */
const readUnitBytes = 4_096;

/** The figures of a month that the lines of the bill count. */
export type Month = ReturnType<typeof monthOf>;

export const monthOf = ({ load, usage, stage }: Circumstances) => {
  /** Thirty days, or as many as have sessions. */
  const days = Math.max(30, load.days);
  const sessionCount = load.sessions * load.days;
  const listeners = sessionCount * load.listeners;
  /** Speakers and listeners, each counted once however often it refreshes its connection. */
  const participants = sessionCount + listeners;
  const connectionMinutes = participants * load.minutes;
  const refreshes = refreshesIn(load.minutes, stage);
  const beats = Math.floor((load.minutes * 60) / load.heartbeat);
  const reaperRuns = (days * 24 * 60) / stage.reaperMinutes;
  /** Connections in all scans of the month together. */
  const scanned = connectionMinutes / stage.reaperMinutes;

  const summing =
    (...parts: readonly (readonly [flow: FlowName, times: number])[]): Sum =>
    (figureOf) =>
      parts.reduce((sum, [flow, times]) => sum + times * figureOf(usage.flows[flow]), 0);
  const heartbeats = summing(
    ["heartbeat", participants * Math.max(0, beats - refreshes)],
    ["heartbeat past the refresh moment", participants * refreshes],
  );
  const sessions = summing(
    ["create", sessionCount],
    ["join", listeners],
    ["speaker refreshes", sessionCount * refreshes],
    ["listener refreshes", listeners * refreshes],
    ["listener leaves", listeners * load.leaving],
    ["session ends", sessionCount],
    ["session ends, per listener", listeners * (1 - load.leaving)],
  );
  const reaper = summing(["reaper run", reaperRuns], ["reaper run, per connection", scanned]);
  const others: Sum = (figureOf) => sessions(figureOf) + reaper(figureOf);
  const all: Sum = (figureOf) => heartbeats(figureOf) + others(figureOf);

  const perHour = sessionCount / days / 24;
  const { removalLagHours } = assumptions;
  const sessionHours = load.minutes / 60 + stage.settings.sessionMaxDurationHours + removalLagHours.value;
  const sessionRows = perHour * sessionHours;
  const connectionRows = perHour * (1 + load.listeners) * (load.minutes / 60);
  // A limit's row expires an hour after its last use.
  const limitHours = load.minutes / 60 + 1 + removalLagHours.value;
  const limitRows = perHour * (1 + load.listeners) * limitHours;

  /** Heartbeats are sampled; every other invocation is logged. */
  const logged = (bytesOf: (work: Work) => number): number => {
    const inFlow = (flow: Flow) => sumOfWork(flow, bytesOf);
    return load.logSampling * heartbeats(inFlow) + others(inFlow);
  };
  return {
    load,
    usage,
    stage,
    days,
    connectionMinutes,
    /** Frames of the translation pipeline to all listeners. */
    broadcasts: load.updates * load.minutes * listeners,
    reaperRuns,
    heartbeats,
    /** Begin and end of sessions and connections. */
    sessions,
    /** Without the units that grow with the rows: `scanReadUnits`. */
    reaper,
    others,
    all,
    /** Each scan has its first unit in the flow "reaper run"; this is the rest. */
    scanReadUnits:
      (scanned * usage.rows.connection + reaperRuns * sessionRows * usage.rows.session) / readUnitBytes,
    /** Finding a session's listeners when it ends. An index is not read consistently: half a unit. */
    endingReadUnits: (0.5 * listeners * usage.rows.connection) / readUnitBytes,
    /** Bytes in the tables and the index, on average. The index holds every connection a second time. */
    storedBytes:
      sessionRows * usage.rows.session +
      connectionRows * 2 * usage.rows.connection +
      limitRows * usage.rows.rateLimits,
    logBytes: {
      functions: ["DEBUG", "INFO"].includes(stage.settings.logLevel) ? logged(({ logBytes }) => logBytes) : 0,
      metrics: stage.metrics ? logged(({ metricBytes }) => metricBytes) : 0,
      access: all(
        ({ handshakes, messagesIn, functions }) =>
          handshakes * stage.accessLog.connect +
          messagesIn * stage.accessLog.message +
          (functions[disconnect]?.invocations ?? 0) * stage.accessLog.disconnect,
      ),
    },
  };
};

/** The number of refreshes of each participant that refreshes at the first moment: 90 % of the setting. */
export const refreshesIn = (minutes: number, { settings }: Stage): number =>
  Math.max(0, Math.ceil(minutes / (0.9 * settings.connectionRefreshMinutes)) - 1);

/** Adds up a figure of a flow's functions. */
export const sumOfWork = (
  { functions }: Flow,
  figureOf: (work: Work, functionName: string) => number,
): number => Object.entries(functions).reduce((sum, [name, work]) => sum + figureOf(work, name), 0);

export const invocationsOf = (flow: Flow): number => sumOfWork(flow, ({ invocations }) => invocations);

/** Warm GB-seconds: computing at the function's share of a CPU, and waiting. */
export const warmGbSeconds =
  (stage: Stage) =>
  (flow: Flow): number =>
    sumOfWork(flow, ({ computingMs, requests, calls }, name) => {
      const memoryMb = memoryOf(name, stage);
      const computing = computingMs * Math.max(1, assumptions.wholeCpuMb.value / memoryMb);
      const waiting = requests * assumptions.dynamoDbMs.value + calls * assumptions.callMs.value;
      return ((memoryMb / 1_024) * (computing + waiting)) / 1_000;
    });

export const coldGbSeconds =
  (stage: Stage) =>
  (flow: Flow): number =>
    sumOfWork(flow, ({ invocations }, name) => {
      const starts = invocations * assumptions.coldShare.value;
      return ((memoryOf(name, stage) / 1_024) * starts * assumptions.coldMs.value) / 1_000;
    });

const memoryOf = (name: string, { functions, name: stage }: Stage): number => {
  const memory = functions[name];
  if (memory === undefined) throw new Error(`Stage ${stage} has no function ${name}`);
  return memory;
};
