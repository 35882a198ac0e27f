import { expect, test } from "vitest";
import type { Outcome } from "../lambda/invocation.js";
import { describeFailure, withDeadline } from "./deadline.js";

const createFakeClock = () => {
  const waiting = new Set<() => void>();
  return {
    waiting,
    now: () => 0,
    after: (_: number, callback: () => void) => {
      waiting.add(callback);
      return () => void waiting.delete(callback);
    },
  };
};

/** An invocation whose handler runs at once. */
const running = (outcome: Promise<Outcome>) => (onRun: () => void) => {
  onRun();
  return outcome;
};

test("an outcome in time is passed on, and nothing waits any more", async () => {
  const clock = createFakeClock();
  const returned: Outcome = { kind: "returned", payload: 1 };
  expect(await withDeadline(clock, 29, running(Promise.resolve(returned)))).toBe(returned);
  expect(clock.waiting.size).toBe(0);
});

test("the limit counts from when the handler runs: time in the queue is not in it", async () => {
  const clock = createFakeClock();
  let begin = () => {};
  const outcome = withDeadline(clock, 29, (onRun) => {
    begin = onRun;
    return new Promise(() => {});
  });
  expect(clock.waiting.size).toBe(0);
  begin();
  for (const ring of clock.waiting) ring();
  expect(await outcome).toEqual({ kind: "timed-out", afterSeconds: 29 });
});

test("1.6: an outcome that is late is a time-out", async () => {
  const clock = createFakeClock();
  const outcome = withDeadline(clock, 29, running(new Promise(() => {})));
  for (const ring of clock.waiting) ring();
  expect(await outcome).toEqual({ kind: "timed-out", afterSeconds: 29 });
});

test("a failure is described without the error's message, which may quote a token", () => {
  expect(describeFailure({ kind: "failed", errorType: "TypeError", errorMessage: "bad token abc" })).toBe(
    "threw TypeError",
  );
});

test("time in which the handler's thread waited for a processor does not count", async () => {
  const clock = createFakeClock();
  let waited = 0;
  const outcome = withDeadline(clock, 29, (onRun) => {
    onRun(() => waited);
    return new Promise(() => {});
  });
  const [ring] = clock.waiting;
  waited = 5_000;
  ring?.();
  expect(clock.waiting.size).toBe(2);
  for (const again of clock.waiting) again();
  expect(await outcome).toEqual({ kind: "timed-out", afterSeconds: 29 });
});
