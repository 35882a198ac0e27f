import { expect, test } from "vitest";
import { createReport } from "./report.js";
import type { Result } from "./suite.js";

const result = (status: Result["status"], rest: Partial<Result> = {}): Result => ({
  name: `a check that ${status}`,
  status,
  tookMs: 5,
  ...rest,
});

const reported = (results: readonly Result[]): string => {
  const lines: string[] = [];
  createReport({ write: (text) => lines.push(text) }).end(results, 1_000);
  return lines.join("");
};

test("warnings are printed again before the failures, and counted apart", () => {
  const results = [
    result("failed", { sentence: "No." }),
    result("warned", { sentence: "Not quite." }),
    result("passed", { seen: "yes" }),
  ];
  expect(reported(results)).toBe(
    "\n! a check that warned\n  Not quite.\n\n✗ a check that failed\n  No.\n\n1 passed, 1 warned, 1 failed, 0 skipped in 1.00 s\n",
  );
});

test("without a warning the verdict does not mention warnings", () => {
  expect(reported([result("passed")])).toBe("\n1 passed, 0 failed, 0 skipped in 1.00 s\n");
});
