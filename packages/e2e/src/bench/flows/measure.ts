import { setTimeout } from "node:timers/promises";
import { type Stage, shortName, stageOf } from "@lectern/cli/cost/stage";
import type { Flow, Usage, Work } from "@lectern/cli/cost/usage";
import { startIn } from "@lectern/cli/stack";
import { quantile, sum } from "@lectern/cli/statistic";
import { type Stack, type StackOptions, synth } from "offline-aws";
import { projectOnlyVariable } from "../../../../../infra/settings.js";
import type { Bench } from "../benchmark.js";
import { isMetrics, seriesIn } from "./metric-line.js";
import { audience, createPlay, names, type PlayedFlow, type PlayedName, settings } from "./play.js";
import { createRecorder, type Recorder } from "./recorder.js";

/** Without rounds the functions are not timed: all times are 0. Without a graph the program is evaluated. */
type MeasureOptions = Pick<Bench, "root"> &
  Partial<Pick<Bench, "say" | "scope" | "rounds">> &
  Pick<StackOptions, "graph">;

export interface Measured {
  /** Each flow once, all functions warm. */
  readonly flows: readonly PlayedFlow[];
  readonly rows: Usage["rows"];
  /** Every metric that the functions wrote. */
  readonly series: readonly string[];
  /** The flows of the rounds, to take times from. */
  readonly timed: readonly PlayedFlow[];
}

/** Plays every flow on a new stack: once to count, then for times. */
export const measureFlows = async (options: MeasureOptions): Promise<Measured> => {
  const { root, say = () => undefined, scope = { defer: () => undefined }, rounds = 0, graph } = options;
  const recorder = createRecorder();
  const series = new Set<string>();
  const stack = await startIn(scope, {
    root,
    ...(graph ? { graph } : { stage: "local", settings }),
    schedules: false,
    observer: {
      ...recorder.observer,
      onLog: (line) => {
        recorder.observer.onLog?.(line);
        for (const name of seriesIn(line.text)) series.add(name);
      },
    },
  });
  recorder.attach(stack);
  try {
    const play = createPlay(stack, recorder);
    say("Playing each flow once, so that all functions are warm");
    await play();
    say("Counting what each flow uses");
    const lift = slowDown(stack, recorder);
    const { flows, rows } = await play();
    lift();
    if (rounds > 0) say(`Timing the functions: ${rounds} rounds`);
    const timed: PlayedFlow[] = [];
    for (let round = 1; round <= rounds; round += 1) timed.push(...(await play()).flows);
    return { flows, rows, series: [...series].sort(), timed };
  } finally {
    recorder.close();
    await stack.stop();
  }
};

/**
 * Fixes the order of things that run at the same time, to the usual order on AWS: a welcome comes after the socket is
 * open, and `$disconnect` after the function that closed the socket has deleted its row. Requests that are sent side by
 * side overlap, so that they do not look like a sequence.
 */
const slowDown = ({ faults }: Stack, { keyOf, ended }: Recorder): (() => void) => {
  const closing = [names.welcome, names.announce, names.reaper];
  const opened = async () => {
    await ended([names.connect]);
    // The gateway opens the socket as soon as the function has ended.
    await setTimeout(20);
  };
  const lifts = [
    faults.inject({ match: { accessKeyId: keyOf(names.welcome) }, kind: "latency", until: opened }),
    faults.inject({
      match: { accessKeyId: keyOf(names.disconnect) },
      kind: "latency",
      until: () => ended(closing),
    }),
    faults.inject({ match: {}, kind: "latency", ms: 40 }),
  ];
  return () => {
    for (const lift of lifts) lift();
  };
};

/** Plays every flow, and turns the measurement into what `cost` prices. */
export const measureUsage = async (options: MeasureOptions): Promise<Usage> => {
  const measured = await measureFlows(options);
  const { root, say = () => undefined } = options;
  // The deployer's own settings must not reach the committed file.
  process.env[projectOnlyVariable] = "true";
  return usageOf(measured, stageOf(await synth({ root, stage: "prod", say })));
};

/** Turns a measurement into what `cost` prices, with the resources of a stage. */
export const usageOf = ({ flows, rows, series, timed }: Measured, stage: Stage): Usage => {
  const of = (name: PlayedName): Flow => {
    const played = flows.find((flow) => flow.name === name);
    if (!played) throw new Error(`The flow "${name}" was not played`);
    return flowOf(
      played,
      timed.filter((flow) => flow.name === name),
    );
  };
  return {
    date: new Date().toISOString().slice(0, 10),
    flows: {
      create: of("create"),
      join: of("join"),
      heartbeat: of("heartbeat"),
      "heartbeat past the refresh moment": of("heartbeat past the refresh moment"),
      "listener refreshes": of("listener refreshes"),
      "speaker refreshes": of("speaker refreshes"),
      "listener leaves": of("listener leaves"),
      "session ends": of("speaker leaves"),
      "session ends, per listener": perEach(of("speaker leaves"), of("speaker leaves an audience"), audience),
      "reaper run": of("reaper run"),
      // The speaker is a connection too.
      "reaper run, per connection": perEach(
        of("reaper run"),
        of("reaper run over an audience"),
        audience + 1,
      ),
    },
    rows,
    series,
    stage,
  };
};

const flowOf = (flow: PlayedFlow, timed: readonly PlayedFlow[]): Flow => {
  const { traffic, requests, calls, invocations } = flow;
  const functionNames = [...new Set(invocations.map(({ functionName }) => functionName))];
  return {
    ...traffic,
    // Heartbeats are the only frames that the played clients send.
    messagesIn: invocations.filter(({ functionName }) => functionName === names.heartbeat).length,
    otherCalls: calls.filter(({ method }) => method !== "POST").length,
    readUnits: sum(requests.map(({ readUnits }) => readUnits)),
    writeUnits: sum(requests.map(({ writeUnits }) => writeUnits)),
    functions: Object.fromEntries(
      functionNames.map((name) => [shortName(name, "local"), workOf(name, flow, timed)]),
    ),
  };
};

const workOf = (name: string, flow: PlayedFlow, timed: readonly PlayedFlow[]): Work => {
  const isOwn = ({ functionName }: { readonly functionName: string }) => functionName === name;
  const own = flow.invocations.filter(isOwn);
  // The lines of a cold start are not the flow's.
  const warm = own.filter(({ coldStart }) => !coldStart);
  const counted = warm.length > 0 ? warm : own;
  const ids = new Set(counted.map(({ requestId }) => requestId));
  const written = flow.lines.filter(({ requestId }) => ids.has(requestId)).map(({ text }) => text);
  const bytes = (texts: readonly string[]) =>
    Math.round((sum(texts.map((text) => Buffer.byteLength(text))) * own.length) / counted.length);
  const times = timed
    .filter(({ invocations }) => invocations.every(({ coldStart }) => !coldStart))
    .map(({ invocations }) => sum(invocations.filter(isOwn).map(({ durationMs }) => durationMs)));
  return {
    invocations: own.length,
    requests: flow.requests.filter(isOwn).length,
    calls: flow.calls.filter(isOwn).length,
    logBytes: bytes(written.filter((text) => !isMetrics(text))),
    metricBytes: bytes(written.filter(isMetrics)),
    // Other processes of this machine only ever add to a time: the best tenth is the nearest.
    computingMs: times.length > 0 ? rounded(quantile(times, 0.1), 2) : 0,
  };
};

/** The share of each of `count` in the difference of two flows. */
export const perEach = (without: Flow, withAll: Flow, count: number): Flow => {
  const share = (none: number, all: number) => (all - none) / count;
  /** Times and bytes vary, but more work never takes less. */
  const varying = (none: number, all: number, digits: number) =>
    rounded(Math.max(0, share(none, all)), digits);
  const functionNames = new Set([...Object.keys(without.functions), ...Object.keys(withAll.functions)]);
  return {
    handshakes: share(without.handshakes, withAll.handshakes),
    messagesOut: share(without.messagesOut, withAll.messagesOut),
    bytesOut: rounded(share(without.bytesOut, withAll.bytesOut), 0),
    messagesIn: share(without.messagesIn, withAll.messagesIn),
    otherCalls: share(without.otherCalls, withAll.otherCalls),
    readUnits: share(without.readUnits, withAll.readUnits),
    writeUnits: share(without.writeUnits, withAll.writeUnits),
    functions: Object.fromEntries(
      [...functionNames].map((name) => {
        const [none, all] = [without.functions[name] ?? idle, withAll.functions[name] ?? idle];
        return [
          name,
          {
            invocations: share(none.invocations, all.invocations),
            requests: rounded(share(none.requests, all.requests), 3),
            calls: share(none.calls, all.calls),
            logBytes: varying(none.logBytes, all.logBytes, 0),
            metricBytes: varying(none.metricBytes, all.metricBytes, 0),
            computingMs: varying(none.computingMs, all.computingMs, 2),
          },
        ];
      }),
    ),
  };
};

const idle: Work = { invocations: 0, requests: 0, calls: 0, logBytes: 0, metricBytes: 0, computingMs: 0 };

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
