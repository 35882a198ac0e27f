import { expect, test } from "vitest";
import { billOf } from "./bill.js";
import { referenceLoad } from "./load.js";
import type { Circumstances } from "./month.js";
import { savingsOf, timeoutFor } from "./saving.js";
import { usage } from "./usage.js";

const reference: Circumstances = { usage, stage: usage.stage, load: referenceLoad(usage.stage) };

const saved = (circumstances: Circumstances, change: string): number => {
  const found = savingsOf(circumstances).find((saving) => saving.change.startsWith(change));
  if (!found) throw new Error(`There is no saving by ${change}`);
  return found.dollars;
};

const withLoad = (load: Partial<Circumstances["load"]>): Circumstances => ({
  ...reference,
  load: { ...reference.load, ...load },
});

test("a longer interval saves the difference between the two months", () => {
  for (const heartbeat of [60, 120, 240]) {
    expect(saved(reference, `heartbeatIntervalSeconds ${heartbeat}`)).toBeCloseTo(
      billOf(reference).total - billOf(withLoad({ heartbeat })).total,
      9,
    );
  }
  expect(saved(reference, "heartbeatIntervalSeconds 60")).toBeGreaterThan(5);
});

test("only intervals longer than the load's are offered, and samplings other than its own", () => {
  const changes = (load: Partial<Circumstances["load"]>) =>
    savingsOf(withLoad(load))
      .map(({ change }) => change)
      .filter((change) => change.startsWith("heartbeat"));
  expect(changes({ heartbeat: 120, logSampling: 1 })).toEqual([
    "heartbeatIntervalSeconds 240, heartbeatTimeoutSeconds 720",
    "heartbeatLogSampling 0.01",
  ]);
});

test("an interval longer than the heartbeat timeout comes with a longer timeout", () => {
  expect(timeoutFor(60, reference.stage)).toEqual([]);
  expect(timeoutFor(89, reference.stage)).toEqual([]);
  expect(timeoutFor(90, reference.stage)).toEqual(["heartbeatTimeoutSeconds 270"]);
});

test("logging every heartbeat is a negative saving, and the way back is the same saving above zero", () => {
  const dearer = saved(reference, "heartbeatLogSampling 1");
  expect(dearer).toBeLessThan(-1);
  expect(saved(withLoad({ logSampling: 1 }), "heartbeatLogSampling 0.01")).toBeCloseTo(-dearer, 9);
});

test("dashboards, alarms and metrics save their price", () => {
  expect(saved(reference, "no dashboard")).toBeCloseTo(3, 9);
  const { alarms } = reference.stage;
  const metrics = Object.values(alarms).reduce((sum, count) => sum + count, 0);
  expect(saved(reference, "no alarms at all")).toBeCloseTo(0.1 * metrics, 9);
  const throttles = (alarms["throttles-lambda"] ?? 0) + (alarms["throttles-dynamodb"] ?? 0);
  expect(throttles).toBeGreaterThan(10);
  expect(saved(reference, "no alarms on throttles")).toBeCloseTo(0.1 * throttles, 9);
  expect(saved(reference, "no FanOutSize")).toBeCloseTo(4 * 0.3, 9);
});

test("monitoring false leaves logs alone, and saves alarms, metrics and dashboard together", () => {
  const idle = withLoad({ sessions: 0 });
  const left = billOf(idle).total - saved(idle, "monitoring false");
  expect(left).toBeLessThan(0.1);
  const { alarms } = reference.stage;
  const count = Object.values(alarms).reduce((sum, metrics) => sum + metrics, 0);
  expect(saved(idle, "monitoring false")).toBeGreaterThanOrEqual(0.1 * count + 0.3 * usage.series.length + 3);
});

test("no access log saves its bytes and their storage", () => {
  const { services } = billOf(reference);
  const items = services.flatMap((service) => service.items);
  const bytes = items.find(({ what }) => what === "access log");
  expect(bytes?.dollars).toBeGreaterThan(0.5);
  // Four days of thirty at three cents a gigabyte.
  const kept = ((bytes?.quantity ?? 0) / 30) * 4 * 0.03;
  expect(saved(reference, "no access log")).toBeCloseTo((bytes?.dollars ?? 0) + kept, 9);
});

test("logLevel WARN saves at least the price of the log lines", () => {
  const { services } = billOf(reference);
  const lines = services.flatMap(({ items }) => items).find(({ what }) => what === "functions' log lines");
  expect(saved(reference, "logLevel WARN")).toBeGreaterThanOrEqual(lines?.dollars ?? Number.NaN);
});

test("every change names the file where it is made", () => {
  for (const { where } of savingsOf(reference)) expect(where).toMatch(/\.ts/);
});
