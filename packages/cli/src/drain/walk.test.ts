import type { Drain } from "@lectern/core";
import { expect, test } from "vitest";
import { nothing, type Tally, type WalkOptions, walk } from "./walk.js";

/** A stage with so many clients and steps that take so long, and a clock that only waiting moves. */
const stage = (clients: number, { tookMs = 0, outcome = "asked" as "asked" | "gone" | "failed" } = {}) => {
  const clock = { at: 0 };
  const steps: { at: number; step: Drain.Step }[] = [];
  const told: Tally[] = [];
  const abort = new AbortController();
  const step = async (given: Drain.Step): Promise<Drain.Stepped> => {
    steps.push({ at: clock.at, step: given });
    clock.at += tookMs;
    const from = Number(given.after ?? 0);
    const to = Math.min(clients, from + given.limit);
    return {
      asked: 0,
      gone: 0,
      failed: 0,
      opening: 0,
      [outcome]: to - from,
      connectedBefore: given.connectedBefore ?? 1_000,
      ...(to < clients ? { next: `${to}` } : {}),
    };
  };
  const drain = (options: Partial<WalkOptions> = {}) =>
    walk({
      step,
      rate: 50,
      connectedBefore: undefined,
      url: undefined,
      onStep: (tally) => told.push(tally),
      signal: abort.signal,
      now: () => clock.at,
      wait: async (ms) => {
        clock.at += ms;
      },
      ...options,
    });
  return { drain, steps, told, abort, clock };
};

test("a drain goes step by step to the end, and reports after each step", async () => {
  const { drain, steps, told } = stage(25);
  expect(await drain()).toEqual({ ...nothing, asked: 25, connectedBefore: 1_000, finished: true });
  expect(steps.map(({ step }) => [step.limit, step.after])).toEqual([
    [10, undefined],
    [10, "10"],
    [10, "20"],
  ]);
  expect(told.map(({ asked, finished }) => [asked, finished])).toEqual([
    [10, false],
    [20, false],
    [25, true],
  ]);
});

test("every step gets the first step's connectedBefore, and the address", async () => {
  const { drain, steps } = stage(25);
  await drain({ url: "wss://live.example.com" });
  expect(steps.map(({ step }) => step.connectedBefore)).toEqual([undefined, 1_000, 1_000]);
  for (const { step } of steps) expect(step.url).toBe("wss://live.example.com");
});

test("a drain that continues begins with the given time", async () => {
  const { drain, steps } = stage(1);
  expect(await drain({ connectedBefore: 7 })).toMatchObject({ connectedBefore: 7 });
  expect(steps[0]?.step.connectedBefore).toBe(7);
});

test.each([1, 4, 50, 400])("at %i a second never more are asked, and hardly fewer", async (rate) => {
  const { drain, steps, clock } = stage(10 * rate, { tookMs: 20 });
  await drain({ rate });
  for (const { at, step } of steps) {
    const within = steps.filter((other) => other.at >= at && other.at < at + 1_000);
    expect(within.length * step.limit).toBeLessThanOrEqual(rate);
  }
  expect(clock.at).toBeLessThan(10_050);
});

test("a stage that is slower than the rate is not slowed down further", async () => {
  const { drain, clock } = stage(50, { tookMs: 500 });
  await drain();
  expect(clock.at).toBe(5 * 500);
});

test("clients that are gone cost no time, clients that were not reached do", async () => {
  const gone = stage(100, { outcome: "gone" });
  expect(await gone.drain()).toMatchObject({ gone: 100, asked: 0 });
  expect(gone.clock.at).toBe(0);
  const failed = stage(100, { outcome: "failed" });
  expect(await failed.drain()).toMatchObject({ failed: 100 });
  expect(failed.clock.at).toBe(1_800);
});

test("a stopped drain ends before its next step, and is not finished", async () => {
  const { drain, steps, abort } = stage(100);
  const wait = async () => abort.abort();
  expect(await drain({ wait })).toMatchObject({ asked: 10, finished: false });
  expect(steps).toHaveLength(1);
});

test("stopping ends the wait between two steps at once", async () => {
  const abort = new AbortController();
  const walking = walk({
    step: async () => ({ asked: 1, gone: 0, failed: 0, opening: 0, connectedBefore: 0, next: "1" }),
    // Of a thousand seconds.
    rate: 0.001,
    connectedBefore: undefined,
    url: undefined,
    onStep: () => setImmediate(() => abort.abort()),
    signal: abort.signal,
  });
  expect(await walking).toMatchObject({ asked: 1, finished: false });
});

test("a step that fails ends the drain with its error", async () => {
  const { drain } = stage(1);
  const step = async () => {
    throw new Error("no");
  };
  await expect(drain({ step })).rejects.toThrow("no");
});
