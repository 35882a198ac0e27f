import fc from "fast-check";
import { expect, test } from "vitest";
import { createMetrics, type MetricsOptions, minuteMs } from "./metrics.js";
import { statisticOf } from "./statistic.js";

const noon = Date.parse("2026-11-28T12:00:00Z");
const id = { namespace: "Shop", name: "Latency", dimensions: { Route: "buy" } };

const metricsAt = (now = noon, options: Partial<MetricsOptions> = {}) =>
  createMetrics({ now: () => now, ...options });

test("property: every statistic of a span is that of the values in it, whatever the order they came in", () => {
  const naive = (values: readonly number[], statistic: string): number => {
    const sorted = values.toSorted((a, b) => a - b);
    const sum = values.reduce((total, value) => total + value, 0);
    const byName: Record<string, number> = {
      Sum: sum,
      Average: sum / values.length,
      Minimum: sorted[0] ?? Number.NaN,
      Maximum: sorted.at(-1) ?? Number.NaN,
      SampleCount: values.length,
    };
    const rank = Math.ceil((Number(statistic.slice(1)) / 100) * values.length);
    return byName[statistic] ?? sorted[Math.max(1, rank) - 1] ?? Number.NaN;
  };
  const datum = fc.record({ value: fc.integer({ min: -50, max: 5_000 }), minute: fc.nat(7) });
  const statistics = [
    "Sum",
    "Average",
    "Minimum",
    "Maximum",
    "SampleCount",
    "p50",
    "p95",
    "p99.9",
    "p0",
    "p100",
  ];
  fc.assert(
    fc.property(fc.array(datum, { maxLength: 200 }), fc.nat(7), fc.nat(7), (data, one, other) => {
      const metrics = metricsAt(noon + 10 * minuteMs);
      for (const { value, minute } of data)
        metrics.put({ ...id, value, timestamp: noon + minute * minuteMs });
      const [from, to] = [Math.min(one, other), Math.max(one, other) + 1];
      const values = data.filter(({ minute }) => minute >= from && minute < to).map(({ value }) => value);
      const summary = metrics.summarize(id, { start: noon + from * minuteMs, end: noon + to * minuteMs });
      expect(summary?.count ?? 0).toBe(values.length);
      if (!summary) return;
      for (const statistic of statistics)
        expect(statisticOf(summary, statistic)).toBeCloseTo(naive(values, statistic), 6);
    }),
  );
});

test("periods are aligned to the epoch, and an empty one has no value", () => {
  const metrics = metricsAt(noon + 15 * minuteMs);
  metrics.put({ ...id, value: 1, timestamp: noon + 4 * minuteMs + 59_999 });
  metrics.put({ ...id, value: 2, timestamp: noon + 10 * minuteMs });
  const span = { start: noon + 3 * minuteMs, end: noon + 12 * minuteMs };
  expect(metrics.series(id, { ...span, statistic: "Sum", periodMs: 5 * minuteMs })).toEqual([
    { timestamp: noon, value: 1 },
    { timestamp: noon + 5 * minuteMs, value: undefined },
    { timestamp: noon + 10 * minuteMs, value: 2 },
  ]);
});

test("the same name with other dimensions is another metric, and the order of dimensions does not matter", () => {
  const metrics = metricsAt();
  const both = { ...id, dimensions: { Route: "buy", Code: "1" } };
  metrics.put({ ...both, value: 1, timestamp: noon });
  metrics.put({ ...both, dimensions: { Code: "1", Route: "buy" }, value: 2, timestamp: noon });
  metrics.put({ ...id, value: 5, timestamp: noon });
  const span = { start: noon, end: noon + minuteMs };
  expect(metrics.summarize(both, span)?.sum).toBe(3);
  expect(metrics.summarize(id, span)?.sum).toBe(5);
  expect(metrics.summarize({ ...id, dimensions: {} }, span)).toBeUndefined();
});

test("a query for one unit does not see data in another", () => {
  const metrics = metricsAt();
  metrics.put({ ...id, value: 1, unit: "Seconds", timestamp: noon });
  metrics.put({ ...id, value: 900, unit: "Milliseconds", timestamp: noon });
  const span = { start: noon, end: noon + minuteMs };
  expect(metrics.summarize(id, span, "Seconds")?.sum).toBe(1);
  expect(metrics.summarize(id, span, "Count")).toBeUndefined();
  expect(metrics.summarize(id, span)?.sum).toBe(901);
  expect(metrics.list()).toEqual([{ ...id, units: ["Seconds", "Milliseconds"] }]);
});

test("data older than the retention is dropped, and so is a metric without data", () => {
  let now = noon;
  const metrics = createMetrics({ now: () => now, retentionMs: 10 * minuteMs });
  metrics.put({ ...id, value: 1, timestamp: noon });
  now += 11 * minuteMs;
  metrics.put({ ...id, value: 1, timestamp: noon });
  metrics.put({ ...id, name: "Other", value: 1, timestamp: now });
  expect(metrics.list().map(({ name }) => name)).toEqual(["Other"]);
});

test("values that are not finite are not stored", () => {
  const metrics = metricsAt();
  metrics.put({ ...id, value: Number.NaN, timestamp: noon });
  metrics.put({ ...id, value: Number.POSITIVE_INFINITY, timestamp: noon });
  metrics.put({ ...id, value: 1, timestamp: Number.NaN });
  expect(metrics.list()).toEqual([]);
});

test("beyond their bounds the metric with the oldest update is dropped, and a minute's values are rounded", () => {
  const metrics = metricsAt(noon, { maxMetrics: 2, maxValues: 1 });
  for (const name of ["a", "b", "a", "c"]) metrics.put({ ...id, name, value: 1, timestamp: noon });
  expect(metrics.list().map(({ name }) => name)).toEqual(["a", "c"]);
  metrics.put({ ...id, name: "c", value: 1234.5, timestamp: noon });
  const summary = metrics.summarize({ ...id, name: "c" }, { start: noon, end: noon + minuteMs });
  expect(summary).toMatchObject({
    sum: 1235.5,
    maximum: 1234.5,
    values: new Map([
      [1, 1],
      [1230, 1],
    ]),
  });
});
