import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "offline-aws";
import * as v from "valibot";
import { stageSchema } from "./resources.js";

const workSchema = v.object({
  invocations: v.number(),
  /** DynamoDB requests. */
  requests: v.number(),
  /** Calls of `@connections`. */
  calls: v.number(),
  /** Bytes of log lines, when every one is written. */
  logBytes: v.number(),
  /** Bytes of metric lines, which are ingested as logs too. */
  metricBytes: v.number(),
  /** Warm, on a whole CPU of the machine that measured, what it waits for there included. */
  computingMs: v.number(),
});

const flowSchema = v.object({
  /** Connections that are opened. */
  handshakes: v.number(),
  /** Frames from clients. */
  messagesIn: v.number(),
  /** Frames to clients, route responses and posts. */
  messagesOut: v.number(),
  /** The text of those. */
  bytesOut: v.number(),
  /** Calls of `@connections` that close a connection or ask for its state. */
  otherCalls: v.number(),
  readUnits: v.number(),
  writeUnits: v.number(),
  /** What each function did, all its invocations together, by its name as in the stage's functions. */
  functions: v.record(v.string(), workSchema),
});

/** What is measured; "per" flows are what each further one adds to the flow before. */
export const flowNames = [
  "create",
  "join",
  "heartbeat",
  "heartbeat past the refresh moment",
  "listener refreshes",
  "speaker refreshes",
  "listener leaves",
  "session ends",
  "session ends, per listener",
  "reaper run",
  "reaper run, per connection",
] as const;

const usageSchema = v.object({
  date: v.pipe(v.string(), v.isoDate()),
  flows: v.object(v.entriesFromList(flowNames, flowSchema)),
  /** Bytes of a session's row, of a connection's, and of the rate limits' rows that one connection leaves. */
  rows: v.object({ session: v.number(), connection: v.number(), rateLimits: v.number() }),
  /** The metrics that a month without a refusal makes. */
  series: v.array(v.string()),
  /** The stage whose resources count when no other is named. */
  stage: stageSchema,
});

export type Work = v.InferOutput<typeof workSchema>;
export type Flow = v.InferOutput<typeof flowSchema>;
export type Usage = v.InferOutput<typeof usageSchema>;

const file = path.join(import.meta.dirname, "usage.json");

/** How usage.json is mended. */
export const remedy = "npm run cost -- --measure";

/** @throws {UserError} when the file is not there, or not as this code wants it */
export const readUsage = async (): Promise<Usage> => {
  const text = await readFile(file, "utf8").catch(() => "");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), usageSchema), text);
  if (!parsed.success) {
    throw new UserError(`packages/cli/src/cost/usage.json cannot be read: ${remedy} writes it anew.`);
  }
  return parsed.output;
};

export const writeUsage = (usage: Usage): Promise<void> =>
  writeFile(file, `${JSON.stringify(usage, undefined, 2)}\n`);

const none: Work = { invocations: 0, requests: 0, calls: 0, logBytes: 0, metricBytes: 0, computingMs: 0 };

const nothing: Flow = {
  handshakes: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesOut: 0,
  otherCalls: 0,
  readUnits: 0,
  writeUnits: 0,
  functions: {},
};

/** `a` and so many times `b`: figure by figure, function by function. */
const added = (a: Flow, b: Flow, times: number): Flow => ({
  handshakes: a.handshakes + times * b.handshakes,
  messagesIn: a.messagesIn + times * b.messagesIn,
  messagesOut: a.messagesOut + times * b.messagesOut,
  bytesOut: a.bytesOut + times * b.bytesOut,
  otherCalls: a.otherCalls + times * b.otherCalls,
  readUnits: a.readUnits + times * b.readUnits,
  writeUnits: a.writeUnits + times * b.writeUnits,
  functions: Object.fromEntries(
    [...new Set([...Object.keys(a.functions), ...Object.keys(b.functions)])].map((name) => {
      const [one, other] = [a.functions[name] ?? none, b.functions[name] ?? none];
      return [
        name,
        {
          invocations: one.invocations + times * other.invocations,
          requests: one.requests + times * other.requests,
          calls: one.calls + times * other.calls,
          logBytes: one.logBytes + times * other.logBytes,
          metricBytes: one.metricBytes + times * other.metricBytes,
          computingMs: one.computingMs + times * other.computingMs,
        },
      ];
    }),
  ),
});

/** So many of each flow, together. */
export const sumOf = (parts: readonly (readonly [flow: Flow, times: number])[]): Flow =>
  parts.reduce((sum, [flow, times]) => added(sum, flow, times), nothing);

/** What each of `count` adds, by a flow with none of them and one with all. */
export const perEach = (without: Flow, withAll: Flow, count: number): Flow => {
  const all = sumOf([
    [withAll, 1],
    [without, -1],
  ]);
  const each = sumOf([[all, 1 / count]]);
  // Times and bytes scatter, but more never takes less.
  return mapWork(each, ({ logBytes, metricBytes, computingMs }) => ({
    logBytes: Math.max(0, logBytes),
    metricBytes: Math.max(0, metricBytes),
    computingMs: Math.max(0, computingMs),
  }));
};

/** A flow with something of each function's work changed. */
export const mapWork = (flow: Flow, change: (work: Work) => Partial<Work>): Flow => ({
  ...flow,
  functions: Object.fromEntries(
    Object.entries(flow.functions).map(([name, work]) => [name, { ...work, ...change(work) }]),
  ),
});
