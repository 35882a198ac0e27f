import { expect, test } from "vitest";
import type { Subject } from "./check.js";
import { blindOperator, type Operator } from "./operator.js";
import { hasConcurrency } from "./quota.js";
import { createVerification } from "./suite.js";

/** The result for an account whose quota this operator sees. */
const resultFor = (concurrency: Operator["concurrency"]) => {
  const operator = { ...blindOperator("nothing is known"), concurrency };
  const subject = { operator, say: () => undefined } as unknown as Subject;
  return createVerification(subject).perform(hasConcurrency);
};

test("enough functions at once pass with their number", async () => {
  const found = await resultFor(async () => ({ unreserved: 1_000, problem: undefined }));
  expect(found).toMatchObject({ status: "passed", seen: "1000 at once" });
});

test("few functions at once are a warning, because a pipeline would roll the stage back after a failure", async () => {
  const found = await resultFor(async () => ({ unreserved: 10, problem: "The quota is 10" }));
  expect(found).toMatchObject({
    status: "warned",
    sentence: "The quota is 10 (docs/runbook.md#throttles-lambda).",
  });
});

test("a quota that cannot be looked at is skipped with the reason", async () => {
  const found = await resultFor(blindOperator("no region is known").concurrency);
  expect(found).toMatchObject({ status: "skipped", sentence: "no region is known" });
});
