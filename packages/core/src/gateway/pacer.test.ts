import { expect, test } from "vitest";
import type { Core } from "../port/core.js";
import { second, useStage } from "../testing/index.js";
import { paced } from "./pacer.js";

const stage = await useStage();

const perSecond = 1_000;
const callsEach = 500;

/** Lets functions close sockets as fast as they may, and returns the time of each close (ms after the start). */
const close = async (functions: number, by: Core = stage.with({ fanOutRequestsPerSecond: perSecond })) => {
  const begun = stage.now();
  const times: number[] = [];
  let working = functions;
  let waiting: { readonly until: number; readonly go: (value: unknown) => void }[] = [];

  /** The clock moves on only when every function waits for it: to the first of their times. */
  const tick = (): void => {
    if (waiting.length < working || waiting.length === 0) return;
    const until = Math.min(...waiting.map((one) => one.until));
    stage.pass(Math.max(0, until - stage.now()));
    const due = waiting.filter((one) => one.until <= stage.now());
    waiting = waiting.filter((one) => one.until > stage.now());
    for (const { go } of due) go(undefined);
  };
  const pause = (ms: number): Promise<unknown> =>
    new Promise((go) => {
      waiting.push({ until: stage.now() + ms, go });
      tick();
    });
  const recorded = {
    ...by,
    sockets: { ...by.sockets, close: async () => void times.push(stage.now() - begun) },
  };

  await Promise.all(
    Array.from({ length: functions }, async () => {
      const sockets = paced(recorded, { pause });
      for (let call = 0; call < callsEach; call += 1) await sockets.close("listener");
      working -= 1;
      tick();
    }),
  );
  return times;
};

/** The most calls in any second. */
const most = (times: readonly number[]): number =>
  Math.max(...times.map((start) => times.filter((at) => at >= start && at < start + second).length));

test("many functions together keep to the rate, and use it", async () => {
  const times = await close(8);
  expect(times).toHaveLength(8 * callsEach);
  expect(most(times)).toBeLessThanOrEqual(perSecond + 100);
  // 4,000 calls at 1,000 a second; the first lease begins at once.
  expect(Math.max(...times)).toBeCloseTo(3.9 * second, -1);
});

test("a single function has the whole rate, and its first calls wait for nothing", async () => {
  const times = await close(1);
  expect(times.filter((at) => at === 0)).toHaveLength(100);
  expect(Math.max(...times)).toBeCloseTo(0.4 * second, -1);
});

test("rule 21: with the limits' table down each function keeps the rate alone, and asks the table once", async () => {
  const end = stage.inject({ kind: "unreachable", match: { table: stage.tables.rateLimits } });
  stage.measured.length = 0;
  const times = await close(1);
  end();
  expect(most(times)).toBeLessThanOrEqual(perSecond + 100);
  expect(stage.measured.filter(({ name }) => name === "RateLimitsUnavailable")).toHaveLength(1);
});
