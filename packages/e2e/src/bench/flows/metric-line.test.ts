import { expect, test } from "vitest";
import { isMetrics, seriesIn } from "./metric-line.js";

const line = (dimensions: Readonly<Record<string, string>>, ...names: string[]): string =>
  JSON.stringify({
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        {
          Namespace: "Lectern",
          Dimensions: [Object.keys(dimensions)],
          Metrics: names.map((Name) => ({ Name, Unit: "Count" })),
        },
      ],
    },
    ...dimensions,
    ...Object.fromEntries(names.map((name) => [name, 1])),
  });

const common = { service: "lectern", stage: "prod" };

test("a line of metrics is told from any other, also from one that only speaks of them", () => {
  expect(isMetrics(line(common, "ReaperRuns"))).toBe(true);
  expect(isMetrics('{"level":"INFO","message":"Reaped"}')).toBe(false);
  expect(isMetrics('{"level":"INFO","message":"\\"_aws\\""}')).toBe(false);
  expect(isMetrics('"_aws" broken')).toBe(false);
});

test("each name is one metric, whatever the stage", () => {
  expect(seriesIn(line(common, "FanOutSize", "FanOutGone"))).toEqual(["FanOutSize", "FanOutGone"]);
});

test("a dimension's value makes another metric of the same name", () => {
  expect(seriesIn(line({ ...common, code: "UNAUTHORIZED" }, "ConnectionErrors"))).toEqual([
    "ConnectionErrors code=UNAUTHORIZED",
  ]);
});

test("a line without metrics makes none", () => {
  expect(seriesIn("START")).toEqual([]);
});
