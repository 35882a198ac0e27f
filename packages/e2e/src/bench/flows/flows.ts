import { sum } from "@lectern/cli/statistic";
import {
  type Bench,
  type Benchmark,
  type FlowBudget,
  type FlowName,
  flowBudgets,
  type Report,
} from "../benchmark.js";
import { measureFlows } from "./measure.js";
import type { PlayedFlow } from "./play.js";
import type { Request } from "./recorder.js";

/** The cost of a flow in the function that answers the client, and in the functions that the streams invoke after it. */
export interface FlowCost extends FlowBudget {
  readonly flow: FlowName;
  readonly followedBy: Pick<FlowBudget, "requests" | "readUnits" | "writeUnits" | "calls">;
}

/** The costs of the flows that have a budget. */
export const costsOf = (flows: readonly PlayedFlow[]): FlowCost[] =>
  flows.flatMap((flow) => (isBudgeted(flow.name) ? [costOf(flow.name, flow)] : []));

const isBudgeted = (name: string): name is FlowName => Object.hasOwn(flowBudgets, name);

const costOf = (name: FlowName, { functionName, requests, calls, invocations }: PlayedFlow): FlowCost => {
  const first = invocations.find((invocation) => invocation.functionName === functionName);
  // Only the first invocation answers the client: listeners that the flow closes reach the same function later.
  const isOwn = (made: { readonly functionName: string; readonly startedAt: number }) =>
    made.functionName === functionName && made.startedAt <= (first?.endedAt ?? 0);
  const own = requests.filter(isOwn);
  const ownCalls = calls.filter(isOwn).length;
  return {
    flow: name,
    ...sums(own),
    sequence: longestSequence(own),
    calls: ownCalls,
    followedBy: { ...sums(requests.filter((request) => !isOwn(request))), calls: calls.length - ownCalls },
  };
};

const sums = (requests: readonly Request[]) => ({
  requests: requests.length,
  readUnits: sum(requests.map(({ readUnits }) => readUnits)),
  writeUnits: sum(requests.map(({ writeUnits }) => writeUnits)),
});

/** The length of the longest chain in which each request starts after the one before has ended. */
export const longestSequence = (requests: readonly Pick<Request, "startedAt" | "endedAt">[]): number => {
  const chains: { readonly endedAt: number; readonly length: number }[] = [];
  for (const { startedAt, endedAt } of [...requests].sort((a, b) => a.startedAt - b.startedAt)) {
    const before = chains.filter((chain) => chain.endedAt <= startedAt).map(({ length }) => length);
    chains.push({ endedAt, length: 1 + Math.max(0, ...before) });
  }
  return Math.max(0, ...chains.map(({ length }) => length));
};

/** The figures of a budget, and their names in a sentence. */
const budgeted = [
  ["requests", "requests"],
  ["sequence", "requests in sequence"],
  ["readUnits", "read units"],
  ["writeUnits", "write units"],
  ["calls", "@connections calls"],
] as const satisfies readonly (readonly [keyof FlowBudget, string])[];

/** A sentence for each figure of a flow that is over its budget. */
export const flowsExceeded = (costs: readonly FlowCost[]): string[] =>
  costs.flatMap((cost) => {
    const budget: FlowBudget = flowBudgets[cost.flow];
    return budgeted
      .filter(([figure]) => cost[figure] > budget[figure])
      .map(([figure, name]) => `${cost.flow}: ${cost[figure]} ${name}, budget ${budget[figure]}`);
  });

const following = ({ requests, readUnits, writeUnits, calls }: FlowCost["followedBy"]): string => {
  if (requests + calls === 0) return "nothing";
  const some = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
  return [some(requests, "request"), `${readUnits} RU`, `${writeUnits} WU`, some(calls, "call")].join(", ");
};

export const flows: Benchmark = {
  name: "flows",
  summary: "DynamoDB requests, capacity units and @connections calls of each flow.",
  run: async ({ root, scope, say }: Bench): Promise<Report> => {
    const measured = await measureFlows({ root, say, scope });
    const costs = costsOf(measured.flows);
    return {
      title: "Flows: the cost of each in DynamoDB and @connections (measured / budget)",
      header: [
        "flow",
        "requests",
        "in sequence",
        "reads (RU)",
        "writes (WU)",
        "calls",
        "then by the streams",
      ],
      rows: costs.map((cost) => [
        cost.flow,
        ...budgeted.map(([figure]) => `${cost[figure]} / ${flowBudgets[cost.flow][figure]}`),
        following(cost.followedBy),
      ]),
      notes: [
        "DynamoDB answers 40 ms or more later than usual, so that requests sent side by side overlap.",
        "The last column is the work of welcome and announce, and of disconnect where sockets are closed.",
      ],
      exceeded: flowsExceeded(costs),
      figures: costs.map((cost) => ({ ...cost, budget: flowBudgets[cost.flow] })),
    };
  },
};
