import { expect, test, vi } from "vitest";
import { StackClock } from "./clock.js";

test("advancing the clock calls back what was due in between, in order, and nothing else", () => {
  const clock = new StackClock();
  const called: string[] = [];
  const before = clock.now();
  clock.after(20_000, () => called.push("second"));
  clock.after(10_000, () => called.push("first"));
  clock.after(90_000, () => called.push("later"));
  const cancel = clock.after(5_000, () => called.push("cancelled"));
  cancel();
  clock.advance(60_000);
  expect(called).toEqual(["first", "second"]);
  expect(clock.now() - before).toBeGreaterThanOrEqual(60_000);
  clock.close();
});

test("the offset is shared memory, so that another thread's clock can follow", () => {
  const clock = new StackClock();
  clock.advance(1_500);
  expect(new Float64Array(clock.shared)[0]).toBe(1_500);
  clock.close();
});

test("a delay longer than Node's timers can wait for is waited out", () => {
  vi.useFakeTimers();
  const clock = new StackClock();
  const called = vi.fn();
  const days = 60 * 86_400_000;
  clock.after(days, called);
  vi.advanceTimersByTime(days - 1);
  expect(called).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(called).toHaveBeenCalledTimes(1);
  clock.close();
  vi.useRealTimers();
});
