import { stageOf } from "@lectern/cli/cost/stage";
import { usage as committed, type Usage } from "@lectern/cli/cost/usage";
import { beforeAll, expect, test } from "vitest";
import { graphOf } from "../../../../../infra/testing/graph.js";
import { root } from "../../stage.js";
import { type FlowName, flowBudgets } from "../benchmark.js";
import { costsOf, type FlowCost, flowsExceeded } from "./flows.js";
import { measureFlows, usageOf } from "./measure.js";
import { settings } from "./play.js";
import { remedy, staleness } from "./usage.js";

let costs: FlowCost[];
let usage: Usage;

beforeAll(async () => {
  const measured = await measureFlows({ root, graph: await graphOf("local", settings) });
  costs = costsOf(measured.flows);
  usage = usageOf(measured, stageOf(await graphOf("prod")));
});

const flowNames = Object.keys(flowBudgets) as FlowName[];

test.each(flowNames)("%s stays within its budget", (flow) => {
  const cost = costs.find((candidate) => candidate.flow === flow);
  expect(cost).toBeDefined();
  expect(cost && flowsExceeded([cost])).toEqual([]);
});

test("every budget belongs to a measured flow", () => {
  expect(costs.map(({ flow }) => flow).sort()).toEqual([...flowNames].sort());
});

test("requests that are sent side by side do not count as a sequence", () => {
  expect(costs.find(({ flow }) => flow === "join")).toMatchObject({ requests: 4, sequence: 2 });
});

test.each(["create", "join"])("the welcome of %s costs one read and one call", (flow) => {
  expect(costs.find((cost) => cost.flow === flow)?.followedBy).toEqual({
    requests: 1,
    readUnits: 1,
    writeUnits: 0,
    calls: 1,
  });
});

test("the committed usage.json, which cost reads, is what the flows use", () => {
  expect(staleness(committed, usage), `packages/cli/src/cost/usage.json is stale: ${remedy}`).toEqual([]);
});
