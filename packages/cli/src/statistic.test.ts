import { expect, test } from "vitest";
import { asDuration, median, quantile } from "./statistic.js";

test("a quantile is one of the samples, by the nearest rank", () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0, 0.5, 0.95, 1].map((q) => quantile(samples, q))).toEqual([1, 50, 95, 100]);
});

test("the median of one sample is that sample, of none it is not a number", () => {
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("durations are as exact as their size allows", () => {
  expect([4.26, 9.99, 10, 999.4, 1_000, 12_345].map(asDuration)).toEqual([
    "4.3 ms",
    "10.0 ms",
    "10 ms",
    "999 ms",
    "1.00 s",
    "12.35 s",
  ]);
});
