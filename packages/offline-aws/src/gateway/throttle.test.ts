import { expect, test } from "vitest";
import { createTokenBucket } from "./throttle.js";

const bucket = (rate: number, burst: number) => {
  let now = 0;
  const take = createTokenBucket({ now: () => now, after: () => () => {} }, rate, burst);
  const takeAll = () => {
    let taken = 0;
    while (taken < 10_000 && take()) taken += 1;
    return taken;
  };
  return {
    takeAll,
    advance: (ms: number) => {
      now += ms;
    },
  };
};

test("1.6: a burst goes through at once, then the rate, and never more than a burst", () => {
  const { takeAll, advance } = bucket(500, 100);
  expect(takeAll()).toBe(100);
  advance(20);
  expect(takeAll()).toBe(10);
  advance(60_000);
  expect(takeAll()).toBe(100);
});

test("1.6: a rate or a burst of 0 lets nothing through, as a stage deployed without them", () => {
  expect(bucket(0, 0).takeAll()).toBe(0);
  expect(bucket(0, 100).takeAll()).toBe(0);
  expect(bucket(100, 0).takeAll()).toBe(0);
});
