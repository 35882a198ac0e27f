import { expect, test } from "vitest";
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
