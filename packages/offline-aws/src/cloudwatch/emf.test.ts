import { expect, test } from "vitest";
import { createEmfReader } from "./emf.js";
import type { Datum } from "./metrics.js";

const directive = (parts: object = {}) => ({
  Timestamp: 1_764_324_000_000,
  CloudWatchMetrics: [
    {
      Namespace: "Shop",
      Dimensions: [["service"]],
      Metrics: [{ Name: "Latency", Unit: "Milliseconds" }],
      ...parts,
    },
  ],
});

const read = (...lines: readonly unknown[]) => {
  const put: Datum[] = [];
  const malformed: string[] = [];
  const ingest = createEmfReader(
    (datum) => put.push(datum),
    (functionName, reason) => malformed.push(`${functionName}: ${reason}`),
  );
  for (const line of lines)
    ingest({ functionName: "buy", text: typeof line === "string" ? line : JSON.stringify(line) });
  return { put, malformed };
};

test("a line's metric is stored with its dimensions, unit and timestamp", () => {
  const { put } = read({ _aws: directive(), service: "checkout", Latency: 12.5 });
  expect(put).toEqual([
    {
      namespace: "Shop",
      name: "Latency",
      dimensions: { service: "checkout" },
      value: 12.5,
      unit: "Milliseconds",
      timestamp: 1_764_324_000_000,
    },
  ]);
});

test("each dimension set makes a separate metric, and an empty set one without dimensions", () => {
  const { put } = read({
    _aws: directive({ Dimensions: [["service", "code"], ["service"], []] }),
    service: "checkout",
    code: "FULL",
    Latency: 1,
  });
  expect(put.map(({ dimensions }) => dimensions)).toEqual([
    { service: "checkout", code: "FULL" },
    { service: "checkout" },
    {},
  ]);
});

test("each number of a list is a value, and a metric without a unit has the unit None", () => {
  const { put } = read({
    _aws: directive({ Metrics: [{ Name: "Latency" }] }),
    service: "s",
    Latency: [1, 2, 3],
  });
  expect(put.map(({ value, unit }) => [value, unit])).toEqual([
    [1, "None"],
    [2, "None"],
    [3, "None"],
  ]);
});

test("lines without metrics are ignored", () => {
  const { put, malformed } = read(
    "plain text",
    '{"message":"hello"}',
    'not json "_aws"',
    '{"message":"\\"_aws\\""}',
  );
  expect([put, malformed]).toEqual([[], []]);
});

test("a malformed metric is left out and reported once, and the rest of its line is kept", () => {
  const metrics = [{ Name: "Latency" }, { Name: "Missing" }, { Name: "Text" }];
  const line = { _aws: directive({ Metrics: metrics }), service: "s", Latency: 1, Text: "1" };
  const { put, malformed } = read(line, line);
  expect(put.map(({ name }) => name)).toEqual(["Latency", "Latency"]);
  expect(malformed).toEqual([
    "buy: Missing is no number, and no list of at most 100 numbers",
    "buy: Text is no number, and no list of at most 100 numbers",
  ]);
});

test("a dimension without a value, a list of 101 numbers and a broken directive are malformed", () => {
  expect(read({ _aws: directive(), Latency: 1 }).malformed).toEqual(["buy: dimension service has no string"]);
  const many = { _aws: directive(), service: "s", Latency: Array.from({ length: 101 }, () => 1) };
  expect(read(many).malformed).toHaveLength(1);
  expect(read({ _aws: { Timestamp: "now" } }).malformed).toEqual([
    "buy: _aws.Timestamp is not as EMF has it",
  ]);
});
