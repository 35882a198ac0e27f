import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sayIfSlow } from "./say-if-slow.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const taking = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve("done"), ms));

test("nothing is said of work under two seconds", async () => {
  const say = vi.fn();
  const work = sayIfSlow(say, "Evaluating", taking(1_999));
  await vi.advanceTimersByTimeAsync(1_999);
  expect(await work).toBe("done");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(say).not.toHaveBeenCalled();
});

test("longer work is announced once, while it lasts", async () => {
  const say = vi.fn();
  const work = sayIfSlow(say, "Evaluating", taking(9_000));
  await vi.advanceTimersByTimeAsync(2_001);
  expect(say.mock.calls).toEqual([["Evaluating"]]);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(await work).toBe("done");
  expect(say).toHaveBeenCalledTimes(1);
});

test("a failure is passed on, and nothing is said after it", async () => {
  const say = vi.fn();
  await expect(sayIfSlow(say, "Evaluating", Promise.reject(new Error("no")))).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(say).not.toHaveBeenCalled();
});
