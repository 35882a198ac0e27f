import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { InvocationRecord } from "../lambda/scheduler.js";
import { createConsole, type LogForm } from "./console.js";

const now = () => Date.UTC(2026, 10, 23, 9, 5, 3, 291);

const linesOf = (
  use: (console: ReturnType<typeof createConsole>) => void,
  isTTY = false,
  logs?: LogForm,
): string => {
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
      logs,
    ),
  );
  return written;
};

beforeEach(() => void vi.stubEnv("NO_COLOR", undefined));
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

test("there are colours on a terminal only, and none where NO_COLOR is set", () => {
  const esc = String.fromCharCode(27);
  const line = (isTTY: boolean) => linesOf(({ onInvocation }) => onInvocation(returned), isTTY);
  expect(line(true)).toContain(esc);
  expect(line(false)).not.toContain(esc);
  vi.stubEnv("NO_COLOR", "1");
  expect(line(true)).not.toContain(esc);
});

test("a structured log line is a sentence with its fields; metrics are left to the status page", () => {
  const log = (text: string, logs?: LogForm) =>
    linesOf(
      ({ onLog }) => onLog({ functionName: "connect", requestId: "r", stream: "stdout", text }),
      false,
      logs,
    );
  const line = '{"level":"INFO","message":"Listener joined","timestamp":"t","sessionId":"golden-eagle-427"}';
  const metrics =
    '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Metrics":[{"Name":"ColdStarts"}]}]},"ColdStarts":1}';
  expect(log(line)).toBe("09:05:03.291   Listener joined  sessionId=golden-eagle-427\n");
  expect(log(metrics)).toBe("");
  expect(log(line, "json")).toBe(`${line}\n`);
  expect(log(metrics, "json")).toBe(`${metrics}\n`);
});
