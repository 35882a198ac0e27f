import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { InvocationRecord } from "../lambda/scheduler.js";
import { createConsole } from "./console.js";

const now = () => Date.UTC(2026, 10, 23, 9, 5, 3, 291);

const linesOf = (use: (console: ReturnType<typeof createConsole>) => void, isTTY = false): string => {
  let written = "";
  use(
    createConsole(
      {
        isTTY,
        write: (text) => {
          written += text;
        },
      },
      now,
    ),
  );
  return written;
};

beforeEach(() => {
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("TERM", "xterm");
});
afterEach(() => void vi.unstubAllEnvs());

const returned = {
  functionName: "heartbeat",
  durationMs: 12.4,
  outcome: { kind: "returned", payload: { statusCode: 200 } },
} as InvocationRecord;

test("an invocation is one line: when, what, how long, and how it ended", () => {
  expect(linesOf(({ onInvocation }) => onInvocation(returned))).toBe("09:05:03.291 heartbeat  12 ms  200\n");
  expect(
    linesOf(({ onInvocation }) =>
      onInvocation({
        ...returned,
        initMs: 80.2,
        outcome: { kind: "failed", errorType: "TypeError", errorMessage: "no", trace: [] } as never,
      }),
    ),
  ).toBe("09:05:03.291 heartbeat  12 ms + 80 ms cold start  TypeError: no\n");
});

test("a structured log line is shown as a sentence with its fields", () => {
  const text = JSON.stringify({
    level: "WARN",
    message: "Limits are off",
    service: "x",
    component: "limit",
    error: { code: 7 },
  });
  expect(linesOf(({ onLog }) => onLog({ text, stream: "stdout" } as never))).toBe(
    '09:05:03.291   WARN Limits are off  component=limit  error={"code":7}\n',
  );
  expect(linesOf(({ onLog }) => onLog({ text: "plain", stream: "stdout" } as never))).toBe(
    "09:05:03.291   plain\n",
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

test("there are colours on a terminal only, and none where NO_COLOR is set or the terminal has none", () => {
  const esc = String.fromCharCode(27);
  const line = (isTTY: boolean) => linesOf(({ onInvocation }) => onInvocation(returned), isTTY);
  expect(line(true)).toContain(esc);
  expect(line(false)).not.toContain(esc);
  vi.stubEnv("NO_COLOR", "1");
  expect(line(true)).not.toContain(esc);
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("TERM", "dumb");
  expect(line(true)).not.toContain(esc);
});

test("a structured log line is a sentence with its fields; metrics are left to the status page", () => {
  const log = (text: string) => linesOf(({ onLog }) => onLog(logged(text)));
  expect(log(line)).toBe("09:05:03.291   Listener joined  sessionId=golden-eagle-427\n");
  expect(log(metrics)).toBe("");
});

test("log lines that are piped on go there as they are written, metrics included, and nothing else does", () => {
  const raw = { write: vi.fn() };
  const out = { write: vi.fn() };
  const { onLog, onInvocation } = createConsole(out, now, raw);
  onLog(logged(line));
  onLog(logged(metrics));
  onInvocation(returned);
  expect(raw.write.mock.calls).toEqual([[`${line}\n`], [`${metrics}\n`]]);
  expect(out.write.mock.calls).toEqual([["09:05:03.291 heartbeat  12 ms  200\n"]]);
});

const logged = (text: string) =>
  ({ functionName: "connect", requestId: "r", stream: "stdout", text }) as const;

const line = '{"level":"INFO","message":"Listener joined","timestamp":"t","sessionId":"golden-eagle-427"}';
const metrics =
  '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Metrics":[{"Name":"ColdStarts"}]}]},"ColdStarts":1}';
