import { expect, test } from "vitest";
import { type FlowBudget, flowBudgets } from "../benchmark.js";
import { type FlowCost, flowsExceeded, longestSequence } from "./flows.js";

const span = (startedAt: number, endedAt: number) => ({ startedAt, endedAt });

test("no requests have a sequence of zero", () => {
  expect(longestSequence([])).toBe(0);
});

test("requests that overlap, even by a little, are no sequence", () => {
  expect(longestSequence([span(0, 10), span(1, 10), span(9.9, 12)])).toBe(1);
});

test("requests that start when another ends are a sequence, in any order of recording", () => {
  expect(longestSequence([span(20, 30), span(0, 10), span(10, 20)])).toBe(3);
});

test("three requests side by side and one after them are a sequence of two", () => {
  expect(longestSequence([span(0, 25), span(1, 26), span(1, 27), span(30, 55)])).toBe(2);
});

test("a long request beside two short ones does not hide their sequence", () => {
  expect(longestSequence([span(0, 100), span(1, 20), span(30, 50), span(101, 110)])).toBe(3);
});

test("a figure over its budget is named with both numbers", () => {
  const budget: FlowBudget = flowBudgets.heartbeat;
  const followedBy = { requests: 0, readUnits: 0, writeUnits: 0, calls: 0 };
  const dear: FlowCost = { flow: "heartbeat", ...budget, requests: 3, calls: 1, followedBy };
  expect(flowsExceeded([dear])).toEqual([
    "heartbeat: 3 requests, budget 1",
    "heartbeat: 1 @connections calls, budget 0",
  ]);
});
