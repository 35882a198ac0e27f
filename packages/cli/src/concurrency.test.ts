import { expect, test } from "vitest";
import { lowConcurrency } from "./concurrency.js";

const region = "eu-central-1";

test("a thousand invocations at once are enough, one less is not", () => {
  expect(lowConcurrency({ total: 1_000, unreserved: 1_000 }, region)).toBeUndefined();
  expect(lowConcurrency({ total: 5_000, unreserved: 4_000 }, region)).toBeUndefined();
  expect(lowConcurrency({ total: 999, unreserved: 999 }, region)).toMatch(
    /^Lambda's quota ConcurrentExecutions is 999 in this account and eu-central-1, and not the usual 1000: beyond it .+ --quota-code L-B99A9384 .+ --region eu-central-1\)$/,
  );
});

test("invocations that other functions have reserved do not count", () => {
  expect(lowConcurrency({ total: 1_000, unreserved: 400 }, region)).toContain(
    "is 1000 in this account and eu-central-1, of which 400 are unreserved, and",
  );
});
