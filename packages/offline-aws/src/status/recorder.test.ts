import { beforeEach, expect, test } from "vitest";
import type { Outcome } from "../lambda/invocation.js";
import { createRecorder, type Recorder } from "./recorder.js";

let now: number;
let recorder: Recorder;

beforeEach(() => {
  now = 1_000;
  recorder = createRecorder({
    now: () => now,
    functionNames: ["buy", "sell"],
    keepLogs: 3,
    keepDurations: 100,
  });
});

const invoke = (outcome: Outcome, durationMs = 5, coldStart = false): void =>
  recorder.onInvocation({
    functionName: "buy",
    requestId: "r",
    coldStart,
    durationMs,
    outcome,
    startedAt: now,
    event: {},
  });

const log = (text: string, stream: "stdout" | "stderr" = "stdout"): void =>
  recorder.onLog({ functionName: "buy", requestId: "r", stream, text });

const returned = (payload: unknown): Outcome => ({ kind: "returned", payload });

test("a function is shown before its first invocation", () => {
  expect(recorder.functions()[1]).toEqual({
    name: "sell",
    invocations: 0,
    errors: 0,
    coldStarts: 0,
    p50: null,
    p95: null,
    last: null,
  });
});

test("invocations, errors and cold starts are counted, and percentiles are over the last invocations", () => {
  for (let duration = 1; duration <= 200; duration += 1) invoke(returned({}), duration, duration === 1);
  invoke({ kind: "failed", errorType: "TypeError", errorMessage: "x" }, 201);
  expect(recorder.functions()[0]).toMatchObject({
    invocations: 201,
    errors: 1,
    coldStarts: 1,
    p50: 151,
    p95: 196,
  });
});

test.each<[Outcome, string, string]>([
  [returned(undefined), "ok", "info"],
  [returned({ statusCode: 200 }), "200", "info"],
  [returned({ statusCode: 429 }), "429", "warn"],
  [returned({ statusCode: 503 }), "503", "error"],
  [{ kind: "failed", errorType: "TypeError", errorMessage: "no" }, "TypeError: no", "error"],
  [{ kind: "timed-out", afterSeconds: 3 }, "timed out after 3 s", "error"],
  [{ kind: "throttled" }, "throttled", "warn"],
])("the last outcome of %j is shown as %s", (outcome, text, level) => {
  invoke(outcome);
  expect(recorder.functions()[0]?.last).toEqual({ at: 1_005, text, level });
});

test("an invocation that logged an error counts as one, although it returned", () => {
  log('{"level":"ERROR","message":"Failed"}');
  invoke(returned({ statusCode: 200 }));
  invoke(returned({ statusCode: 200 }));
  log('{"level":"WARN","message":"Slow"}', "stderr");
  expect(recorder.functions()[0]).toMatchObject({ invocations: 2, errors: 1 });
  log("oh", "stderr");
  invoke(returned({ statusCode: 200 }));
  expect(recorder.functions()[0]).toMatchObject({
    errors: 2,
    last: { text: "200, error logged", level: "error" },
  });
});

test("a stack trace has lines of its own, without Node's frames", () => {
  const stack = `TypeError: no\n    at a (file://${process.cwd()}/src/a.ts:1:2)\n    at b (node:internal/x:1:1)`;
  log(JSON.stringify({ level: "ERROR", message: "Failed", error: { name: "TypeError", stack } }));
  log("    at c (node:internal/x:1:1)", "stderr");
  expect(recorder.logs().map(({ text }) => text)).toEqual(["Failed\nTypeError: no\n    at a (src/a.ts:1:2)"]);
});

test("only the last lines are kept, and their numbers go on", () => {
  for (const text of ["a", "b", "c", "d"]) log(text);
  expect(recorder.logs().map(({ seq, text }) => [seq, text])).toEqual([
    [2, "b"],
    [3, "c"],
    [4, "d"],
  ]);
});

test("a structured line is shown as its message and its own fields, with its level", () => {
  log(
    '{"level":"WARN","message":"Full","timestamp":"t","service":"s","sessionId":"golden-eagle-427","seats":[1]}',
  );
  expect(recorder.logs()[0]).toMatchObject({
    level: "warn",
    text: "Full  sessionId=golden-eagle-427  seats=[1]",
    at: 1_000,
  });
});

test("metrics that a function logs are a level of their own", () => {
  log(
    '{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"Latency"},{"Name":"Hits"}]}]},"Latency":3,"Hits":[1,2]}',
  );
  expect(recorder.logs()[0]).toMatchObject({ level: "metric", text: "Latency=3  Hits=[1,2]" });
});

test("any other line stays as it is: an error when it went to stderr, and cut when it is endless", () => {
  log("{not json", "stderr");
  log("x".repeat(10_000));
  const [error, long] = recorder.logs();
  expect(error).toMatchObject({ level: "error", text: "{not json" });
  expect(long).toMatchObject({ level: "info", text: "x".repeat(4_000) });
});
