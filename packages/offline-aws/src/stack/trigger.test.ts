import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";
import { startSchedules } from "./trigger.js";

let clock: StackClock;
let invoked: [string, unknown][];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  clock = new StackClock();
  invoked = [];
  stop = startSchedules(
    [
      { name: "Reap", functionName: "reaper", periodMs: 60_000, input: { by: "rule" } },
      { name: "Report", functionName: "reporter", periodMs: 3_600_000, input: {} },
    ],
    {
      clock,
      invoke: async (name, event) => {
        invoked.push([name, event]);
        return { kind: "returned", payload: undefined };
      },
    },
  );
});

afterEach(() => {
  stop();
  clock.close();
  vi.useRealTimers();
});

test("a schedule's function is invoked with its input after each period", () => {
  vi.advanceTimersByTime(59_999);
  expect(invoked).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(invoked).toEqual([["reaper", { by: "rule" }]]);
  vi.advanceTimersByTime(3 * 60_000);
  expect(invoked).toHaveLength(4);
});

test("a jump of the clock over many periods invokes once, and the next invocation is a period later", () => {
  clock.advance(30 * 60_000);
  expect(invoked).toEqual([["reaper", { by: "rule" }]]);
  clock.advance(59_999);
  expect(invoked).toHaveLength(1);
  clock.advance(1);
  expect(invoked).toHaveLength(2);
});

test("each schedule runs by its own period", () => {
  clock.advance(3_600_000);
  expect(invoked.map(([name]) => name)).toEqual(["reaper", "reporter"]);
});

test("a stopped schedule invokes nothing", () => {
  stop();
  clock.advance(3_600_000);
  vi.advanceTimersByTime(3_600_000);
  expect(invoked).toEqual([]);
});
