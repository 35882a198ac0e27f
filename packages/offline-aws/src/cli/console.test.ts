import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ObservedInvocation } from "../uneventful.js";
import { createConsole } from "./console.js";

type Console = ReturnType<typeof createConsole>;

const now = () => Date.UTC(2026, 10, 23, 9, 5, 3, 291);
const esc = String.fromCharCode(27);
const red = `${esc}[31m`;

const linesOf = (use: (console: Console) => void, isTTY = false): string => {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  use(createConsole({ isTTY, write }, now));
  return written;
};

beforeEach(() => {
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("TERM", "xterm");
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

const returned: ObservedInvocation = {
  functionName: "beat-local",
  requestId: "r",
  coldStart: false,
  durationMs: 12.4,
  startedAt: 0,
  event: { requestContext: { routeKey: "heartbeat", connectionId: "3fT9aXyzAbCdEfG=" } },
  outcome: { kind: "returned", payload: { statusCode: 200 } },
  uneventful: false,
};

const logged = (text: string, stream: "stdout" | "stderr" = "stdout") =>
  ({ functionName: "beat-local", requestId: "r", stream, text }) as const;

const json = (fields: Record<string, unknown>) => logged(JSON.stringify(fields));

const joined = {
  level: "INFO",
  message: "Joined",
  timestamp: "t",
  operation: "connect",
  outcome: "ok",
  durationMs: 3,
  connection: "YW-nXIPj0VlWVc5eJAMqOplaNXHuDd5aMk63rTo9x_Y",
  address: "RSgFiNsHkT8G_NQdZsLMFy4r866NALvnwpAf8UtP5lE",
  room: "blue",
};

const metrics =
  '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Metrics":[{"Name":"ColdStarts"}]}]},"ColdStarts":1}';

test("an invocation is one line: action, connection, time, outcome, the logged summary, function", () => {
  const lines = linesOf(({ onLog, onInvocation }) => {
    onLog(json(joined));
    onLog(logged(metrics));
    onInvocation(returned);
  });
  expect(lines).toBe(
    "09:05:03.291 heartbeat                 3fT9aXyz (YW-nXIPj)   12 ms  200  Joined  address=RSgFiNsH…  room=blue  beat-local\n",
  );
});

test("a cold start and a failure are shown on the line", () => {
  const lines = linesOf(({ onInvocation }) =>
    onInvocation({
      ...returned,
      initMs: 80.2,
      outcome: { kind: "failed", errorType: "TypeError", errorMessage: "no\nmore" },
    }),
  );
  expect(lines).toBe(
    "09:05:03.291 heartbeat                 3fT9aXyz              12 ms + 80 ms cold start  TypeError: no  beat-local\n",
  );
});

test.each([
  [
    "the query's action",
    { requestContext: { routeKey: "$connect" }, queryStringParameters: { action: "join" } },
    "join",
  ],
  ["the route key of a connect without one", { requestContext: { routeKey: "$connect" } }, "$connect"],
  ["the route key", { requestContext: { routeKey: "$disconnect" } }, "$disconnect"],
  ["the body's action", { requestContext: { routeKey: "$default" }, body: '{"action":"say"}' }, "say"],
  [
    "the general route of a body that is no JSON",
    { requestContext: { routeKey: "$default" }, body: "{" },
    "$default",
  ],
])("the action is %s", (_, event, action) => {
  const requestContext = { connectionId: "3fT9aXyzAbCdEfG=", ...event.requestContext };
  const lines = linesOf(({ onInvocation }) =>
    onInvocation({ ...returned, event: { ...event, requestContext } }),
  );
  expect(lines.slice(13).split(/\s+/).slice(0, 2)).toEqual([action, "3fT9aXyz"]);
});

test("a client's action cannot move the cursor or fill the screen", () => {
  const event = {
    requestContext: { routeKey: "$default", connectionId: "c" },
    body: JSON.stringify({ action: `${esc}[2J\n${"x".repeat(100)}` }),
  };
  const lines = linesOf(({ onInvocation }) => onInvocation({ ...returned, event }));
  expect(lines).toContain(` [2J${"x".repeat(37)} `);
});

test("a stream's batch is its change, table and key, or the number of changes", () => {
  const record = {
    eventName: "INSERT",
    eventSourceARN: "arn:aws:dynamodb:us-east-1:000000000000:table/Orders/stream/x",
    dynamodb: { Keys: { id: { S: "o-1" } } },
  };
  const of = (...Records: unknown[]) =>
    linesOf(({ onInvocation }) => onInvocation({ ...returned, event: { Records } })).slice(13, 64);
  expect(of(record)).toMatch(/^INSERT Orders {13}o-1 /);
  expect(of(record, record)).toMatch(/^2 changes Orders {8}/);
});

test("an HTTP request is its method and path; any other event is named by the function", () => {
  const of = (event: unknown) =>
    linesOf(({ onInvocation }) => onInvocation({ ...returned, event })).slice(13);
  expect(of({ requestContext: { http: { method: "GET", path: "/items" } } })).toMatch(/^GET \/items /);
  expect(of({ any: 1 })).toMatch(/^beat-local +12 ms {2}200\n$/);
});

test("a handler that logged an error is red, although its client got a clean frame; its stack has lines of its own", () => {
  const stack = [
    "TypeError: no such thing",
    `    at beat (file://${process.cwd()}/src/beat.ts:4:9)`,
    "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
    `    at async invoke (file://${process.cwd()}/.sst/offline/lambda-1-a/worker.mjs:80:1)`,
  ].join("\n");
  const use = ({ onLog, onInvocation }: Console) => {
    const cause = { name: "Error", message: "below", stack: "Error: below\n    at read (node:fs:1:1)" };
    onLog(
      json({ level: "ERROR", message: "Failed", room: "blue", error: { name: "TypeError", stack, cause } }),
    );
    onInvocation(returned);
  };
  expect(linesOf(use)).toBe(
    [
      "09:05:03.291 heartbeat                 3fT9aXyz              12 ms  200, error logged  beat-local",
      "    ERROR Failed  room=blue",
      "    TypeError: no such thing",
      "        at beat (src/beat.ts:4:9)",
      "    caused by Error: below",
      "",
    ].join("\n"),
  );
  expect(linesOf(use, true)).toContain(`${red}200, error logged`);
});

test("an error that nobody caught is told once, with the frames that are the project's", () => {
  const outcome = { kind: "failed", errorType: "TypeError", errorMessage: "no such thing" } as const;
  const lines = linesOf(({ onLog, onInvocation }) => {
    for (const text of [
      'ERROR\tInvoke Error\t{"errorType":"TypeError","errorMessage":"no such thing"}',
      "TypeError: no such thing",
      `    at handler (${process.cwd()}/src/beat.ts:4:9)`,
      "    at node:internal/main/worker_thread:1:1",
    ])
      onLog(logged(text, "stderr"));
    onInvocation({ ...returned, outcome });
  });
  expect(lines).toMatch(/ TypeError: no such thing {2}beat-local\n {8}at handler \(src\/beat\.ts:4:9\)\n$/);
});

test("an authorizer that throws Unauthorized answers 401, which is no fault", () => {
  const outcome = { kind: "failed", errorType: "Error", errorMessage: "Unauthorized" } as const;
  const event = { ...(returned.event as object), type: "REQUEST", methodArn: "arn" };
  const use = ({ onLog, onInvocation }: Console) => {
    onLog(logged('ERROR\tInvoke Error\t{"errorType":"Error","errorMessage":"Unauthorized"}', "stderr"));
    onInvocation({ ...returned, event, outcome });
  };
  expect(linesOf(use)).toMatch(/ 401 Unauthorized {2}beat-local\n$/);
  expect(linesOf(use, true)).not.toContain(red);
});

test("a scheduled run that did nothing is not shown, unless it logged more than its summary", () => {
  const run = { ...returned, uneventful: true };
  const show = (...lines: ReturnType<typeof logged>[]) =>
    linesOf(({ onLog, onInvocation }) => {
      for (const each of lines) onLog(each);
      onInvocation(run);
    });
  expect(show()).toBe("");
  expect(show(json(joined))).toBe("");
  expect(show(json(joined), json(joined))).not.toBe("");
  expect(show(json({ ...joined, level: "WARN" }))).toContain("WARN Joined");
  expect(show(logged("hello"))).toContain("hello");
  expect(show(logged("oh", "stderr"))).toContain("error logged");
});

test("other log lines stand below the invocation's; a warning on standard error is no error", () => {
  const lines = linesOf(({ onLog, onInvocation }) => {
    onLog(logged("plain"));
    onLog({ ...json({ level: "WARN", message: "Limits are off", component: "limit" }), stream: "stderr" });
    onInvocation(returned);
  });
  expect(lines.split("\n").slice(1)).toEqual(["    plain", "    WARN Limits are off  component=limit", ""]);
  expect(lines).toContain(" 200  beat-local\n");
});

test("a function that still runs after a second shows what it has logged", () => {
  vi.useFakeTimers();
  const lines = linesOf(({ onLog, onInvocation }) => {
    onLog(logged("waiting"));
    vi.advanceTimersByTime(1_000);
    onInvocation(returned);
  });
  expect(lines).toMatch(
    /^09:05:03\.291 beat-local {2}still runs\n {4}waiting\n09:05:03\.291 heartbeat [^\n]+\n$/,
  );
});

test("a reload says what began it, and what serves since when", () => {
  const reload = (event: unknown) => linesOf(({ onReload }) => onReload(event as never)).slice(13);
  expect(reload({ kind: "begun", file: "src/a.ts" })).toBe("Rebuilding after src/a.ts\n");
  expect(reload({ kind: "reloaded", functions: ["a", "b"], ms: 412 })).toBe(
    "The new code of a, b serves after 0.4 s\n",
  );
  expect(reload({ kind: "reloaded", functions: [], ms: 412 })).toBe("No function changed (0.4 s)\n");
});

test("a save that leaves the same build error says so in one line, without the error", () => {
  const event = { kind: "still-failing" } as const;
  expect(linesOf(({ onReload }) => onReload(event)).slice(13)).toBe(
    "Still does not build: the same errors (the last good code stays)\n",
  );
});

test("a failed reload names the place, and says that the last good code stays", () => {
  const event = { kind: "failed", errors: [{ file: "a.ts", line: 3, column: 7, text: "Unexpected" }] };
  expect(linesOf(({ onReload }) => onReload(event as never))).toBe(
    "09:05:03.291 a.ts:3:7: Unexpected (the last good code stays)\n",
  );
});

test("a failed reload without a place is its text alone", () => {
  const text = "The function h has no handler file: src/h.ts does not exist.";
  const event = { kind: "failed", errors: [{ file: "src/h.ts", line: 0, column: 0, text }] };
  expect(linesOf(({ onReload }) => onReload(event as never))).toBe(
    `09:05:03.291 ${text} (the last good code stays)\n`,
  );
});

test("what the gateway answers by itself is shown; a function's status and a client that left are not", () => {
  const show = (event: unknown) => linesOf(({ onGatewayEvent }) => onGatewayEvent(event as never));
  const reason = "why";
  expect(show({ kind: "refused", status: 429, reason })).toBe("09:05:03.291 Handshake answered 429: why\n");
  expect(show({ kind: "refused", status: 404, reason, byFunction: true })).toBe("");
  expect(show({ kind: "callback-refused", method: "POST", status: 410, reason })).toBe("");
  expect(show({ kind: "callback-refused", method: "POST", status: 413, reason })).toContain("413");
});

test("an alarm is told when it goes off and when it is over, not when it begins to be watched", () => {
  const show = (from: string, state: string) =>
    linesOf(({ onAlarm }) => onAlarm({ name: "Slow", from, state, reason: "Because." }));
  expect(show("INSUFFICIENT_DATA", "OK")).toBe("");
  expect(show("OK", "INSUFFICIENT_DATA")).toBe("");
  expect(show("OK", "ALARM")).toBe("09:05:03.291 Alarm Slow went off. Because.\n");
  expect(show("ALARM", "OK")).toBe("09:05:03.291 Alarm Slow is over: OK. Because.\n");
});

test("there are colours on a terminal only, and none where NO_COLOR is set or the terminal has none", () => {
  const line = (isTTY: boolean) => linesOf(({ onInvocation }) => onInvocation(returned), isTTY);
  expect(line(true)).toContain(esc);
  expect(line(false)).not.toContain(esc);
  vi.stubEnv("NO_COLOR", "1");
  expect(line(true)).not.toContain(esc);
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("TERM", "dumb");
  expect(line(true)).not.toContain(esc);
});

test("log lines that are piped on go there as they are written, metrics included, and nothing else does", () => {
  const raw = { write: vi.fn() };
  const out = { write: vi.fn() };
  const { onLog, onInvocation } = createConsole(out, now, raw);
  const line = JSON.stringify(joined);
  onLog(logged(line));
  onLog(logged(metrics));
  onInvocation(returned);
  expect(raw.write.mock.calls).toEqual([[`${line}\n`], [`${metrics}\n`]]);
  expect(out.write.mock.calls).toEqual([
    [expect.stringMatching(/ heartbeat .+ 12 ms {2}200 {2}beat-local\n$/)],
  ]);
});
