import { connect } from "@lectern/cli/client";
import { startIn } from "@lectern/cli/stack";
import { asDuration, quantile } from "@lectern/cli/statistic";
import { type Graph, ofType, synth } from "offline-aws";
import * as v from "valibot";
import type { Bench, Benchmark, Report } from "./benchmark.js";

/** From this memory on a function has a whole virtual CPU; below, its share of one. */
const wholeCpuMb = 1_769;

/** What must be done within a target: the functions in turn, by their names without the stage. */
const targets = [
  { what: "session creation", functions: ["authorizer", "connection-handler", "welcome"], withinMs: 2_000 },
  { what: "join", functions: ["authorizer", "connection-handler", "welcome"], withinMs: 1_000 },
  { what: "heartbeat", functions: ["heartbeat-handler"], withinMs: 100 },
  { what: "disconnect", functions: ["disconnect-handler"], withinMs: 500 },
] as const;

interface Timed {
  readonly memoryMb: number;
  /** Warm, on a core of this machine, what it waits for included. */
  readonly hereMs: number;
  /** At most this long at its share of a CPU, if all of that were computing. */
  readonly atItsShareMs: number;
}

export const memory: Benchmark = {
  name: "memory",
  summary: "Whether each function's memory, which is its share of a CPU, meets the targets.",
  run: async ({ root, scope, say, rounds = 20 }: Bench): Promise<Report> => {
    say(`Playing ${rounds} short sessions, one after the other, to time each function`);
    const graph = await synth({ root, stage: "local", say });
    const durations = new Map<string, number[]>();
    const stack = await startIn(scope, {
      root,
      graph,
      schedules: false,
      observer: {
        onInvocation: ({ functionName, durationMs, coldStart }) => {
          if (!coldStart) durations.set(functionName, [...(durations.get(functionName) ?? []), durationMs]);
        },
      },
    });
    for (let round = 1; round <= rounds; round += 1) {
      const token = stack.token({ username: `bench ${round}` });
      const speaker = await connect(stack.webSocketUrl, {
        action: "createSession",
        sourceLanguage: "en",
        token,
      });
      const { sessionId } = await speaker.next("sessionCreated");
      const listener = await connect(
        stack.webSocketUrl,
        { action: "joinSession", sessionId, targetLanguage: "es" },
        { address: `198.18.0.${round}` },
      );
      await listener.next("sessionJoined");
      await listener.ask({ action: "heartbeat" }, "heartbeatAck");
      await speaker.ask({ action: "getSessionStatus" }, "sessionStatus");
      await speaker.ask({ action: "refreshConnection", sessionId }, "connectionRefreshComplete");
      await listener.leave();
      await stack.idle();
      await speaker.leave();
      await stack.idle();
      await stack.invoke("session-reaper-local", {});
    }
    await stack.stop();
    return report(timings(graph, durations), rounds);
  },
};

const functionSchema = v.object({ name: v.string(), memorySize: v.number() });

const timings = (
  graph: Graph,
  durations: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, Timed> =>
  new Map(
    ofType(graph, "aws:lambda/function:Function").map(({ inputs }) => {
      const { name, memorySize } = v.parse(functionSchema, inputs);
      const hereMs = quantile(durations.get(name) ?? [], 0.1);
      const short = name.replace(/^session-|-local$/g, "");
      return [short, { memoryMb: memorySize, hereMs, atItsShareMs: hereMs * (wholeCpuMb / memorySize) }];
    }),
  );

const report = (timed: ReadonlyMap<string, Timed>, rounds: number): Report => {
  const sums = targets.map(({ what, functions, withinMs }) => ({
    what,
    withinMs,
    tookMs: functions.reduce((sum, name) => sum + (timed.get(name)?.atItsShareMs ?? Number.NaN), 0),
  }));
  return {
    title: "Memory: warm invocations, and at most how long they take at their share of a CPU",
    header: ["function", "memory", "here, best tenth", "at its share"],
    rows: [...timed].map(([name, { memoryMb, hereMs, atItsShareMs }]) => [
      name,
      `${memoryMb} MB`,
      asDuration(hereMs),
      `≤ ${asDuration(atItsShareMs)}`,
    ]),
    notes: [
      ...sums.map(
        ({ what, withinMs, tookMs }) =>
          `${what}: ≤ ${asDuration(tookMs)} of computing, of the ${asDuration(withinMs)} that its target leaves for all`,
      ),
      `${rounds} sessions, one after the other. Lambda gives a whole CPU at ${wholeCpuMb} MB and a share of it below; a function's`,
      "whole time here is taken for computing, so this is a bound from above. What AWS's network adds is not in it.",
      "Of the best tenth, since whatever else runs on this machine only ever adds.",
    ],
    exceeded: sums
      .filter(({ tookMs, withinMs }) => !(tookMs <= withinMs))
      .map(
        ({ what, tookMs, withinMs }) =>
          `${what}: ${asDuration(tookMs)} of computing, target ${asDuration(withinMs)}`,
      ),
    figures: { functions: Object.fromEntries(timed), targets: sums },
  };
};
