import { expect, test } from "vitest";
import { describeFrame, listeners } from "./frame-line.js";

test("a status names the listeners and their languages in order", () => {
  expect(listeners(3, { ja: 1, es: 2 })).toBe("3 listeners: es 2, ja 1");
  expect(listeners(1, { fr: 1 })).toBe("1 listener: fr 1");
  expect(listeners(0, {})).toBe("0 listeners");
});

test("a refusal shows its status, its code and when to retry", () => {
  const frame = {
    type: "error",
    timestamp: 0,
    code: "RATE_LIMIT_EXCEEDED",
    message: "Too many",
    status: 429,
    retryable: true,
    retryAfter: 6,
  } as const;
  expect(describeFrame(frame)).toBe("429 RATE_LIMIT_EXCEEDED: Too many, again in 6 s");
});

test("a ticket is never shown", () => {
  const frame = {
    type: "connectionRefreshRequired",
    timestamp: 0,
    sessionId: "golden-eagle-427",
    role: "listener",
    ticket: "secret",
    deadline: 90 * 60_000,
    message: "",
  } as const;
  expect(describeFrame(frame)).toBe("refresh before 01:30 UTC");
  expect(describeFrame({ ...frame, url: "wss://live.example.com" })).toBe(
    "refresh before 01:30 UTC at wss://live.example.com",
  );
});
