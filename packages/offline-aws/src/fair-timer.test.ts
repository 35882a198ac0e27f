import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { afterFairly, openThreadMeter } from "./fair-timer.js";

const after = (delay: number, callback: () => void) => {
  const timer = setTimeout(callback, delay);
  return () => clearTimeout(timer);
};

/** Keeps the process busy, as a machine without time for it would. */
const stall = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

test("calls back once the delay is over", async () => {
  const begun = performance.now();
  await new Promise<void>((resolve) => afterFairly(after, 60, resolve));
  expect(performance.now() - begun).toBeGreaterThan(59);
});

test("time in which the process was kept waiting does not count", async () => {
  const begun = performance.now();
  const over = new Promise<void>((resolve) => afterFairly(after, 100, resolve));
  await wait(1);
  stall(300);
  await over;
  // A tick of the meter may fall into the stall and hide that much of it.
  expect(performance.now() - begun).toBeGreaterThan(350);
});

test("a cancelled one does not call back, not even one that waits on", async () => {
  let called = false;
  const cancel = afterFairly(after, 20, () => {
    called = true;
  });
  await wait(1);
  stall(100);
  await wait(5);
  cancel();
  cancel();
  await wait(150);
  expect(called).toBe(false);
});

test("time in which the timed thread waited for a processor does not count", async () => {
  let waited = 1_000;
  const begun = performance.now();
  const over = new Promise<void>((resolve) => afterFairly(after, 60, resolve, () => waited));
  waited += 200;
  await over;
  expect(performance.now() - begun).toBeGreaterThan(258);
});

test("a thread that cannot be measured has not waited", () => {
  for (const thread of [undefined, "0/task/0"]) {
    const meter = openThreadMeter(thread);
    expect(meter.waitedMs()).toBe(0);
    meter.close();
  }
});
