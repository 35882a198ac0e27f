import { expect, test } from "vitest";
import { retentionFor } from "./retention";

test.each([
  [0.5, "1 day"],
  [12, "1 day"],
  [24, "1 day"],
  [25, "3 days"],
  [72, "3 days"],
  [73, "5 days"],
  [120, "5 days"],
  [121, "1 week"],
  [168, "1 week"],
  [169, "2 weeks"],
  [30 * 24, "1 month"],
  [30 * 24 + 1, "2 months"],
  [365 * 24, "1 year"],
  [365 * 24 + 1, "13 months"],
  [3_653 * 24, "10 years"],
])("logs of %d hours are kept for %s, the least that CloudWatch has", (hours, period) => {
  expect(retentionFor(hours)).toBe(period);
});

test("more hours than CloudWatch's longest period keep logs for that period", () => {
  expect(retentionFor(3_653 * 24 + 1)).toBe("10 years");
});
