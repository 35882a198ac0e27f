import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sayIfSlow } from "./say-if-slow.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const taking = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve("done"), ms));

test("what takes less than two seconds is not spoken of", async () => {
  const say = vi.fn();
  const work = sayIfSlow(say, "Evaluating", taking(1_999));
  await vi.advanceTimersByTimeAsync(1_999);
  expect(await work).toBe("done");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(say).not.toHaveBeenCalled();
});

test("what takes longer is said once, while it lasts", async () => {
  const say = vi.fn();
  const work = sayIfSlow(say, "Evaluating", taking(9_000));
  await vi.advanceTimersByTimeAsync(2_001);
  expect(say.mock.calls).toEqual([["Evaluating"]]);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(await work).toBe("done");
  expect(say).toHaveBeenCalledTimes(1);
});

test("a failure goes through, and says nothing after it", async () => {
  const say = vi.fn();
  await expect(sayIfSlow(say, "Evaluating", Promise.reject(new Error("no")))).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(say).not.toHaveBeenCalled();
});
