import { beforeAll, expect, test } from "vitest";
import { billOf, type Circumstances } from "./bill.js";
import { referenceLoad } from "./load.js";
import { readPrices } from "./price.js";
import { savingsOf, timeoutFor } from "./saving.js";
import { readUsage } from "./usage.js";

let reference: Circumstances;

beforeAll(async () => {
  const [usage, { prices }] = await Promise.all([readUsage(), readPrices()]);
  reference = { usage, stage: usage.stage, prices, load: referenceLoad(usage.stage) };
});

const saved = (circumstances: Circumstances, change: string): number => {
  const found = savingsOf(circumstances).find((saving) => saving.change.startsWith(change));
  if (!found) throw new Error(`There is no saving by ${change}`);
  return found.dollars;
};

const withLoad = (load: Partial<Circumstances["load"]>): Circumstances => ({
  ...reference,
  load: { ...reference.load, ...load },
});

test("a longer interval saves what a month with it costs less", () => {
  for (const heartbeat of [60, 120, 240]) {
    expect(saved(reference, `heartbeatIntervalSeconds ${heartbeat}`)).toBeCloseTo(
      billOf(reference).total - billOf(withLoad({ heartbeat })).total,
      9,
    );
  }
  expect(saved(reference, "heartbeatIntervalSeconds 60")).toBeGreaterThan(5);
});

test("only longer intervals than the load's are offered, and other samplings than its own", () => {
  const changes = (load: Partial<Circumstances["load"]>) =>
    savingsOf(withLoad(load))
      .map(({ change }) => change)
      .filter((change) => change.startsWith("heartbeat"));
  expect(changes({ heartbeat: 120, logSampling: 1 })).toEqual([
    "heartbeatIntervalSeconds 240, heartbeatTimeoutSeconds 720",
    "heartbeatLogSampling 0.01",
  ]);
});

test("an interval that the silence limit does not allow comes with a longer limit", () => {
  expect(timeoutFor(60, reference.stage)).toEqual([]);
  expect(timeoutFor(89, reference.stage)).toEqual([]);
  expect(timeoutFor(90, reference.stage)).toEqual(["heartbeatTimeoutSeconds 270"]);
});

test("logging every heartbeat would cost more: a saving below zero, and the same above it the other way", () => {
  const dearer = saved(reference, "heartbeatLogSampling 1");
  expect(dearer).toBeLessThan(-1);
  expect(saved(withLoad({ logSampling: 1 }), "heartbeatLogSampling 0.01")).toBeCloseTo(-dearer, 9);
});

test("what is paid by the piece saves its price", () => {
  expect(saved(reference, "no dashboard")).toBeCloseTo(3, 9);
  const { alarms } = reference.stage;
  const metrics = Object.values(alarms).reduce((sum, count) => sum + count, 0);
  expect(saved(reference, "no alarms at all")).toBeCloseTo(0.1 * metrics, 9);
  const throttles = (alarms["throttles-lambda"] ?? 0) + (alarms["throttles-dynamodb"] ?? 0);
  expect(throttles).toBeGreaterThan(10);
  expect(saved(reference, "no alarms on throttles")).toBeCloseTo(0.1 * throttles, 9);
  expect(saved(reference, "no FanOutSize")).toBeCloseTo(4 * 0.3, 9);
});

test("no access log saves its bytes and their keeping", () => {
  const { services } = billOf(reference);
  const items = services.flatMap((service) => service.items);
  const bytes = items.find(({ what }) => what === "access log");
  expect(bytes?.dollars).toBeGreaterThan(0.5);
  // Four days of thirty at three cents a gigabyte.
  const kept = ((bytes?.quantity ?? 0) / 30) * 4 * 0.03;
  expect(saved(reference, "no access log")).toBeCloseTo((bytes?.dollars ?? 0) + kept, 9);
});

test("fewer log lines save less than all logs cost", () => {
  const { services } = billOf(reference);
  const lines = services.flatMap(({ items }) => items).find(({ what }) => what === "functions' log lines");
  expect(saved(reference, "logLevel WARN")).toBeGreaterThanOrEqual(lines?.dollars ?? Number.NaN);
});

test("every change says where it is made", () => {
  for (const { where } of savingsOf(reference)) expect(where).toMatch(/\.ts/);
});
