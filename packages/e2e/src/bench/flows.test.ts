import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type FlowBudget, type FlowName, flowBudgets } from "./budget.js";
import { type FlowCost, flowsExceeded, measureFlows } from "./flows.js";

const root = path.resolve(import.meta.dirname, "../../../..");

let costs: FlowCost[];

beforeAll(async () => {
  costs = await measureFlows({ root });
});

const flowNames = Object.keys(flowBudgets) as FlowName[];

test.each(flowNames)("%s stays within its budget", (flow) => {
  const cost = costs.find((candidate) => candidate.flow === flow);
  expect(cost).toBeDefined();
  expect(cost && flowsExceeded([cost])).toEqual([]);
});

test("every flow that is measured has a budget, and the other way round", () => {
  expect(costs.map(({ flow }) => flow).sort()).toEqual([...flowNames].sort());
});

test("what is sent side by side is not counted as a sequence", () => {
  expect(costs.find(({ flow }) => flow === "join")).toMatchObject({ requests: 4, sequence: 2 });
});

test("a welcome costs one read and one call, whatever it welcomes", () => {
  for (const flow of ["create", "join"]) {
    expect(costs.find((cost) => cost.flow === flow)?.followedBy).toEqual({
      requests: 1,
      readUnits: 1,
      writeUnits: 0,
      calls: 1,
    });
  }
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
