import { plan, type Stack, type StackOptions, startStack, synth } from "offline-aws";
import { projectOnlyVariable } from "../../../../infra/settings.js";
import { names, stage } from "../../../e2e/src/bench/flows.js";
import { createRecorder } from "../../../e2e/src/bench/recorder.js";
import { quantile } from "../statistic.js";
import { seriesIn } from "./metric-line.js";
import { audience, createPlay, type PlayedFlow, type PlayedName } from "./play.js";
import { stageOf } from "./resources.js";
import { type Flow, mapWork, perEach, type Usage } from "./usage.js";

/** The stage whose resources are counted. */
const countedStage = "prod";

/** Connections are to be refreshed after a minute, and of every heartbeat there is to be a line. */
const settings = { connectionRefreshMinutes: "1", heartbeatLogSampling: "1" };

interface MeasureOptions {
  readonly root: string;
  /** How many times the flows are played to time the functions; with none, only counts and bytes come out. */
  readonly rounds: number;
  readonly say?: (line: string) => void;
  /** Default `startStack`. */
  readonly start?: (options: StackOptions) => Promise<Stack>;
}

/** Plays every flow on a stack of its own for what it uses, and reads off `prod` what is there all the time. */
export const measureUsage = async ({
  root,
  rounds,
  say = () => undefined,
  start = startStack,
}: MeasureOptions): Promise<Usage> => {
  process.env[projectOnlyVariable] = "true";
  const counted = stageOf(await synth({ root, stage: countedStage, say }));
  const graph = await synth({ root, stage, settings, say });
  const messageRoutes = plan(graph).webSocketApi?.routes.filter(
    ({ routeKey }) => routeKey !== "$connect" && routeKey !== "$disconnect",
  );
  const recorder = createRecorder();
  const series = new Set<string>();
  const accessKeys = new Set<string>();
  const stack = await start({
    root,
    stage,
    graph,
    schedules: false,
    observer: {
      ...recorder.observer,
      onRequest: (request) => {
        recorder.observer.onRequest?.(request);
        if (request.accessKeyId) accessKeys.add(request.accessKeyId);
      },
      onLog: (line) => {
        recorder.observer.onLog?.(line);
        for (const name of seriesIn(line.text)) series.add(name);
      },
    },
  });
  recorder.attach(stack);
  try {
    const play = createPlay(stack, recorder, new Set(messageRoutes?.map(({ functionName }) => functionName)));
    say("Playing each flow once, to have the functions warm");
    await play();

    say("Counting what each flow uses");
    const lift = slowDown(stack, accessKeys);
    const { flows, rows } = await play();
    lift();

    const timed: PlayedFlow[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      if (round === 1) say(`Timing the functions, ${rounds} times over`);
      timed.push(...(await play()).flows);
    }
    return {
      date: new Date().toISOString().slice(0, 10),
      flows: takenApart(flows, timed),
      rows: {
        session: Math.round(rows.session),
        connection: Math.round(rows.connection),
        rateLimits: Math.round(rows.rateLimits),
      },
      series: [...series].sort(),
      stage: counted,
    };
  } finally {
    recorder.close();
    await stack.stop();
  }
};

/**
 * Makes the order of what runs at the same time the same always, and what it usually is on AWS: a welcome comes once
 * the socket is open, and `$disconnect` once whoever closed the socket has forgotten its row.
 */
const slowDown = ({ faults, functionOf }: Stack, accessKeys: ReadonlySet<string>): (() => void) => {
  const late = (functionName: string, ms: number) => {
    const accessKeyId = [...accessKeys].find((key) => functionOf(key) === functionName);
    if (accessKeyId === undefined) throw new Error(`${functionName} has made no request`);
    return faults.inject({ match: { accessKeyId }, kind: "latency", ms });
  };
  const lifts = [
    late(names.welcome, 150),
    late(names.disconnect, 400),
    faults.inject({ match: {}, kind: "latency", ms: 40 }),
  ];
  return () => {
    for (const lift of lifts) lift();
  };
};

/** What was counted, with the durations of the best tenth of what was timed: whatever else runs here only ever adds. */
const takenApart = (counted: readonly PlayedFlow[], timed: readonly PlayedFlow[]): Usage["flows"] => {
  const of = (name: PlayedName): Flow => {
    const played = counted.find((flow) => flow.name === name);
    if (!played) throw new Error(`The flow "${name}" was not played`);
    const warm = timed.filter((flow) => flow.name === name && flow.isWarm);
    const functions = Object.entries(played.used.functions).map(([functionName, work]) => {
      const samples = warm.flatMap(({ used }) => used.functions[functionName]?.computingMs ?? []);
      return [functionName, { ...work, computingMs: samples.length > 0 ? quantile(samples, 0.1) : 0 }];
    });
    return { ...played.used, functions: Object.fromEntries(functions) };
  };
  const perListener = perEach(of("session ends"), of("session ends before an audience"), audience);
  // The speaker is one of the connections.
  const perConnection = perEach(of("reaper run"), of("reaper run over an audience"), audience + 1);
  return {
    create: rounded(of("create")),
    join: rounded(of("join")),
    heartbeat: rounded(of("heartbeat")),
    "heartbeat past the refresh moment": rounded(of("heartbeat past the refresh moment")),
    "listener refreshes": rounded(of("listener refreshes")),
    "speaker refreshes": rounded(of("speaker refreshes")),
    "listener leaves": rounded(of("listener leaves")),
    "session ends": rounded(of("session ends")),
    "session ends, per listener": rounded(perListener),
    "reaper run": rounded(of("reaper run")),
    "reaper run, per connection": rounded(perConnection),
  };
};

/** A flow whose bytes and times say no more than they know. */
const rounded = (flow: Flow): Flow =>
  mapWork({ ...flow, bytesOut: Math.round(flow.bytesOut) }, (work) => ({
    requests: Math.round(work.requests * 1_000) / 1_000,
    logBytes: Math.round(work.logBytes),
    metricBytes: Math.round(work.metricBytes),
    computingMs: Math.round(work.computingMs * 100) / 100,
  }));
