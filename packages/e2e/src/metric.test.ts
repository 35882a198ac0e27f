import { statusOf } from "@lectern/cli/client";
import { beforeEach, expect, test } from "vitest";
import { startStage, useStage } from "./stage.js";

interface Written {
  readonly functionName: string;
  /** Lambda's id of the invocation. */
  readonly invocation: string;
  readonly line: Record<string, unknown>;
}

interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly value: unknown;
  /** `{service: "lectern", stage: "local", code: "SESSION_NOT_FOUND"}` */
  readonly by: Record<string, unknown>;
}

const written: Written[] = [];
const invocations: { functionName: string; requestId: string }[] = [];

const stage = useStage(
  { maxListenersPerSession: "1" },
  {
    observer: {
      onLog: ({ functionName, requestId, text }) => {
        // When a handler throws, Lambda's runtime also writes a line, here as plain text.
        if (!text.startsWith("{")) return;
        written.push({ functionName, invocation: requestId, line: JSON.parse(text) });
      },
      onInvocation: ({ functionName, requestId }) => invocations.push({ functionName, requestId }),
    },
  },
);

beforeEach(async () => {
  await stage.stack.idle();
  written.length = 0;
  invocations.length = 0;
});

/** The functions' lines without metrics. */
const lines = () => written.filter(({ line }) => !("_aws" in line));

const linesOf = (operation: string) =>
  lines()
    .map(({ line }) => line)
    .filter((line) => line.operation === operation);

const lineOf = (operation: string): Record<string, unknown> => {
  const [line, ...others] = linesOf(operation);
  expect([operation, line !== undefined, others]).toEqual([operation, true, []]);
  return line ?? {};
};

/** Every metric value, once for each set of dimensions. */
const measured = (): Measured[] =>
  written.flatMap(({ line }) => {
    if (!("_aws" in line)) return [];
    const { CloudWatchMetrics } = line._aws as {
      CloudWatchMetrics: {
        Namespace: string;
        Dimensions: string[][];
        Metrics: { Name: string; Unit: string }[];
      }[];
    };
    return CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) => {
      expect(Namespace).toBe("Lectern");
      return Dimensions.flatMap((names) =>
        Metrics.flatMap(({ Name, Unit }) =>
          [line[Name]].flat().map((value) => ({
            name: Name,
            unit: Unit,
            value,
            by: Object.fromEntries(names.map((name) => [name, line[name]])),
          })),
        ),
      );
    });
  });

const whole = { service: "lectern", stage: "local" };

const valuesOf = (name: string, by: Record<string, string> = {}): unknown[] =>
  measured()
    .filter((metric) => metric.name === name)
    .filter((metric) => JSON.stringify(metric.by) === JSON.stringify({ ...whole, ...by }))
    .map(({ value }) => value);

const join = (sessionId: string) =>
  statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es" }));

test("rule 17: every invocation writes one line, with its time, level, component, operation, outcome and duration", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await listener.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.ask({ action: "getSessionStatus" }, "sessionStatus");
  await listener.ask(
    { action: "refreshConnection", sessionId: speaker.sessionId },
    "connectionRefreshComplete",
  );
  expect(await join("golden-eagle-427")).toBe(404);
  await stage.stack.idle();
  await stage.reap();
  await speaker.leave();
  await listener.closed;
  await stage.stack.idle();

  const functions = new Set(invocations.map(({ functionName }) => functionName));
  expect(functions.size).toBe(9);
  const perInvocation = invocations.map(({ functionName, requestId }) => [
    functionName,
    lines().filter(({ invocation }) => invocation === requestId).length,
  ]);
  expect(perInvocation).toEqual(invocations.map(({ functionName }) => [functionName, 1]));
  for (const { functionName, line } of lines()) {
    expect(line).toMatchObject({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: "INFO",
      service: functionName.replace("-local", ""),
      operation: expect.stringMatching(/^[a-z]+$/),
      outcome: expect.stringMatching(/^(ok|refused)$/),
      durationMs: expect.any(Number),
    });
  }
});

test("rule 17: authorizer, connect and welcome log one request id for one handshake", async () => {
  const speaker = await stage.create();
  await stage.stack.idle();
  const [authorize, connect, welcome] = ["authorize", "connect", "welcome"].map(lineOf);
  expect(authorize?.requestId).toMatch(/.{8}/);
  expect([connect?.requestId, welcome?.requestId]).toEqual([authorize?.requestId, authorize?.requestId]);
  expect(welcome?.connection).toBe(connect?.connection);
  expect([connect?.sessionId, welcome?.sessionId]).toEqual([speaker.sessionId, speaker.sessionId]);
  await speaker.leave();
});

test("rule 17: a refusal's line has its code and no stack", async () => {
  expect(await join("golden-eagle-427")).toBe(404);
  await stage.stack.idle();
  const line = lineOf("connect");
  expect(line).toMatchObject({ level: "INFO", outcome: "refused", errorCode: "SESSION_NOT_FOUND" });
  expect(JSON.stringify(line)).not.toContain("stack");
});

test("rule 17: a 503 for an unreachable database is logged as an error with the cause's stack", async () => {
  const speaker = await stage.create();
  const restore = stage.stack.faults.inject({
    match: { table: stage.stack.tables.Sessions ?? "" },
    kind: "unreachable",
  });
  expect(await join(speaker.sessionId)).toBe(503);
  restore();
  await stage.stack.idle();
  expect(linesOf("connect").at(-1)).toMatchObject({
    level: "ERROR",
    outcome: "failed",
    errorCode: "SERVICE_UNAVAILABLE",
    error: { name: expect.any(String), message: expect.any(String), stack: expect.stringContaining("at ") },
  });
  await speaker.leave();
});

test("rule 18: each creation, join and heartbeat writes one latency, for the whole stage", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await listener.ask({ action: "heartbeat" }, "heartbeatAck");
  await stage.stack.idle();
  for (const name of ["SessionCreationLatency", "ListenerJoinLatency", "HeartbeatLatency"]) {
    const [value, ...others] = valuesOf(name);
    expect([name, others]).toEqual([name, []]);
    expect(value).toBeGreaterThanOrEqual(0);
    // A duration, no time of day; how long it is depends on the machine.
    expect(value).toBeLessThan(180_000);
    expect(measured().filter((metric) => metric.name === name)).toMatchObject([{ unit: "Milliseconds" }]);
  }
  await speaker.leave();
});

test("rule 18: every refusal counts once in the total and once by its code", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  expect(await join("golden-eagle-427")).toBe(404);
  expect(await join(speaker.sessionId)).toBe(503);
  const query = {
    action: "joinSession",
    sessionId: speaker.sessionId,
    targetLanguage: "xx",
    errors: "frame",
  };
  await (await stage.connect(query)).next("error");
  await listener.ask({ action: "fly" }, "error");
  const token = "x.y.z";
  expect(await statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token }))).toBe(401);
  await stage.stack.idle();
  const codes = [
    "SESSION_NOT_FOUND",
    "SESSION_FULL",
    "UNSUPPORTED_LANGUAGE",
    "INVALID_ACTION",
    "UNAUTHORIZED",
  ];
  for (const code of codes) expect([code, valuesOf("ConnectionErrors", { code })]).toEqual([code, [1]]);
  expect(valuesOf("ConnectionErrors")).toEqual(codes.map(() => 1));
  expect(valuesOf("TokensRefused")).toEqual([1]);
  await speaker.leave();
});

test("rule 18: a limit's refusal counts in the total and by the limited operation", async () => {
  const speaker = await stage.create();
  for (let beat = 0; beat < 2; beat += 1) await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  expect(await speaker.ask({ action: "heartbeat" }, "error")).toMatchObject({ code: "RATE_LIMIT_EXCEEDED" });
  await stage.stack.idle();
  expect(valuesOf("RateLimitExceeded")).toEqual([1]);
  expect(valuesOf("RateLimitExceeded", { operation: "heartbeats" })).toEqual([1]);
  expect(valuesOf("ConnectionErrors", { code: "RATE_LIMIT_EXCEEDED" })).toEqual([1]);
  await speaker.leave();
});

test("rule 18: the reaper counts its runs, sessions, listeners, drift and silent connections", async () => {
  await stage.reap();
  written.length = 0;
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await stage.plant(speaker.sessionId, { listenerCount: 4 });
  stage.stack.clock.advance(91_000);
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  await stage.reap();
  await listener.closed;
  await stage.stack.idle();
  expect(valuesOf("ReaperRuns")).toEqual([1]);
  expect(valuesOf("ActiveSessions")).toEqual([1]);
  expect(valuesOf("TotalListeners")).toEqual([1]);
  expect(valuesOf("SilentConnections")).toEqual([1]);
  expect(valuesOf("CountDrift")).toHaveLength(1);
  await speaker.leave();
});

test("rule 18: metrics have no dimensions except service, stage, code and operation", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await join("golden-eagle-427");
  await speaker.leave();
  await listener.closed;
  await stage.reap();
  const dimensions = new Set(measured().map(({ by }) => Object.keys(by).sort().join()));
  expect([...dimensions].sort()).toEqual(["code,service,stage", "service,stage"]);
  expect(JSON.stringify(measured())).not.toContain(speaker.sessionId);
});

// The last test: no function can read the row that it leaves.
test("rule 17: a bug's line has its code and its stack", async () => {
  const speaker = await stage.create();
  await stage.plant(speaker.sessionId, { qualityTier: "of a later version" as "standard" });
  expect(await speaker.ask({ action: "getSessionStatus" }, "error")).toMatchObject({
    code: "INTERNAL_ERROR",
    status: 500,
  });
  await stage.stack.idle();
  expect(lineOf("message")).toMatchObject({
    level: "ERROR",
    outcome: "failed",
    errorCode: "INTERNAL_ERROR",
    error: { stack: expect.stringContaining("at ") },
  });
  await speaker.leave();
});

test("a stage without monitoring writes no metric, and its logs as ever", async () => {
  const lines: string[] = [];
  const silent = await startStage(
    { monitoring: "false" },
    { observer: { onLog: ({ text }) => lines.push(text) } },
  );
  try {
    await silent.create();
    expect(await statusOf(silent.connect({ action: "fly" }))).toBe(400);
    await silent.reap();
    expect(lines.filter((line) => line.includes('"_aws"'))).toEqual([]);
    expect(lines.filter((line) => line.includes('"operation"')).length).toBeGreaterThan(2);
    expect(silent.stack.alarms()).toEqual([]);
  } finally {
    await silent.stop();
  }
});
