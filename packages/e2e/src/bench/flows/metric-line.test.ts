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

test("a line with metrics is recognised; a line that only mentions them is not", () => {
  expect(isMetrics(line(common, "ReaperRuns"))).toBe(true);
  expect(isMetrics('{"level":"INFO","message":"Reaped"}')).toBe(false);
  expect(isMetrics('{"level":"INFO","message":"\\"_aws\\""}')).toBe(false);
  expect(isMetrics('"_aws" broken')).toBe(false);
});

test("each name is one metric, on every stage", () => {
  expect(seriesIn(line(common, "FanOutSize", "FanOutGone"))).toEqual(["FanOutSize", "FanOutGone"]);
});

test("each value of a dimension is another metric", () => {
  expect(seriesIn(line({ ...common, code: "UNAUTHORIZED" }, "ConnectionErrors"))).toEqual([
    "ConnectionErrors code=UNAUTHORIZED",
  ]);
});

test("a line without metrics has no metrics", () => {
  expect(seriesIn("START")).toEqual([]);
});
