import { afterEach, expect, test, vi } from "vitest";
import { readShared, StackClock } from "./clock.js";

afterEach(() => void vi.useRealTimers());

test("advancing the clock fires the timers that are due, in order, and no others", () => {
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

test("the time is in shared memory, so that another thread's clock can follow", () => {
  const clock = new StackClock();
  const elsewhere = new Float64Array(clock.shared);
  clock.advance(1_500);
  expect(readShared(elsewhere, 1_000)).toBe(2_500);
  const goOn = clock.hold();
  expect(readShared(elsewhere, 1_000)).toBe(clock.now());
  goOn();
  clock.close();
});

test("a held clock moves only by advance, and then runs on from there", () => {
  vi.useFakeTimers();
  const clock = new StackClock();
  clock.advance(10_000);
  const before = clock.now();
  const goOn = clock.hold();
  vi.advanceTimersByTime(5_000);
  expect(clock.now()).toBe(before);
  clock.advance(1_000);
  expect(clock.now()).toBe(before + 1_000);
  goOn();
  expect(clock.now()).toBe(before + 1_000);
  vi.advanceTimersByTime(5_000);
  expect(clock.now()).toBe(before + 6_000);
  clock.close();
});

test("a delay longer than Node's longest timer works", () => {
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
});
