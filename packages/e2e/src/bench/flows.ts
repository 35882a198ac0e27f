import { type Client, connect } from "@lectern/cli/client";
import { startIn } from "@lectern/cli/stack";
import { notCome, within } from "@lectern/cli/within";
import { type Graph, type Stack, type StackOptions, startStack } from "offline-aws";
import type { Bench, Benchmark, Report } from "./benchmark.js";
import { type FlowBudget, type FlowName, flowBudgets } from "./budget.js";
import { createRecorder, type Recorder, type Request } from "./recorder.js";
import { longestSequence } from "./sequence.js";

/** What a flow cost: first in the function that answered the client, then in those that follow by the streams. */
export interface FlowCost extends FlowBudget {
  readonly flow: FlowName;
  readonly followedBy: Pick<FlowBudget, "requests" | "readUnits" | "writeUnits" | "calls">;
}

/** The stage that flows are played on. */
export const stage = "local";

/** The functions that a flow may wait for, by their physical names. */
export const names = {
  connect: `session-connection-handler-${stage}`,
  disconnect: `session-disconnect-handler-${stage}`,
  heartbeat: `session-heartbeat-handler-${stage}`,
  welcome: `session-welcome-${stage}`,
  announce: `session-announce-${stage}`,
  reaper: `session-reaper-${stage}`,
} as const;

export type Role = keyof typeof names;

/**
 * How much later DynamoDB answers. Without it, requests that are sent side by side may be answered one after the other
 * on one machine, and look like a sequence.
 */
const latencyMs = 25;

const limitMs = 10_000;

/** Plays every flow once against a stack of its own, whose connections are to be refreshed after a minute. */
export const measureFlows = async (options: {
  readonly root: string;
  readonly graph?: Graph;
  /** Default `startStack`. */
  readonly start?: (options: StackOptions) => Promise<Stack>;
}): Promise<FlowCost[]> => {
  const { root, graph, start = startStack } = options;
  const recorder = createRecorder();
  const stack = await start({
    root,
    stage,
    settings: { connectionRefreshMinutes: "1" },
    schedules: false,
    observer: recorder.observer,
    ...(graph ? { graph } : {}),
  });
  recorder.attach(stack);
  stack.faults.inject({ match: {}, kind: "latency", ms: latencyMs });
  try {
    const meter = createMeter(stack, recorder, (flow: FlowName, by) => costOf(flow, by, recorder));
    return await playFlows(stack, meter);
  } finally {
    recorder.close();
    await stack.stop();
  }
};

/** Plays a flow and returns its result; `follow` says how many invocations of which functions belong to it. */
export type Meter<Flow, Cost> = {
  readonly costs: Cost[];
  measure<Result>(
    flow: Flow,
    by: Role,
    follow: Partial<Record<Role, number>>,
    act: () => Promise<Result>,
  ): Promise<Result>;
};

/** @param costOf reads off the recorder what a flow has cost, once everything that belongs to it is over */
export const createMeter = <Flow extends string, Cost>(
  stack: Stack,
  recorder: Recorder,
  costOf: (flow: Flow, functionName: string) => Cost,
): Meter<Flow, Cost> => {
  const costs: Cost[] = [];
  return {
    costs,
    measure: async (flow, by, follow, act) => {
      await stack.idle();
      recorder.clear();
      const counts = Object.entries({ [by]: 1, ...follow }).map(([role, count]) => [nameOf(role), count]);
      const done = recorder.invoked(Object.fromEntries(counts));
      const result = await within(limitMs, notCome(`The answer to "${flow}"`), act());
      await within(limitMs, notCome(`What follows on "${flow}"`), done);
      await stack.idle();
      costs.push(costOf(flow, names[by]));
      return result;
    },
  };
};

const nameOf = (role: string): string => Object.entries(names).find(([known]) => known === role)?.[1] ?? role;

const costOf = (flow: FlowName, functionName: string, recorder: Recorder): FlowCost => {
  const { requests, calls } = recorder;
  const end = recorder.firstEnd(functionName);
  // Who is closed by what follows is told to the same function as who left: its first invocation is the flow's own.
  const isOwn = (made: { readonly functionName: string; readonly startedAt: number }) =>
    made.functionName === functionName && made.startedAt <= end;
  const own = requests.filter(isOwn);
  const ownCalls = calls.filter(isOwn).length;
  return {
    flow,
    ...sums(own),
    sequence: longestSequence(own),
    calls: ownCalls,
    followedBy: {
      ...sums(requests.filter((request) => !isOwn(request))),
      calls: calls.length - ownCalls,
    },
  };
};

const sums = (requests: readonly Request[]) => ({
  requests: requests.length,
  readUnits: requests.reduce((sum, { readUnits }) => sum + readUnits, 0),
  writeUnits: requests.reduce((sum, { writeUnits }) => sum + writeUnits, 0),
});

/** How clients take part in sessions: each waits for its welcome. */
export const participation = (open: (query: Record<string, string>) => Promise<Client>) => ({
  create: async (token: string) => {
    const client = await open({ action: "createSession", sourceLanguage: "en", token });
    const { sessionId } = await client.next("sessionCreated");
    return { client, sessionId };
  },
  join: async (sessionId: string) => {
    const client = await open({ action: "joinSession", sessionId, targetLanguage: "es" });
    await client.next("sessionJoined");
    return client;
  },
  /** Beats, and returns the ticket of the frame that asks to refresh. */
  beatPastRefresh: async (client: Client) => {
    const [{ ticket }] = await Promise.all([
      client.next("connectionRefreshRequired"),
      client.ask({ action: "heartbeat" }, "heartbeatAck"),
    ]);
    return ticket;
  },
  /** Waits for the old connection's end too. */
  refresh: async (old: Client, query: Record<string, string>) => {
    const client = await open({ action: "refreshConnection", ...query });
    await client.next("connectionRefreshComplete");
    await old.closed;
    return client;
  },
});

const playFlows = async (
  stack: Stack,
  { costs, measure }: Meter<FlowName, FlowCost>,
): Promise<FlowCost[]> => {
  const { create, join, beatPastRefresh, refresh } = participation((query) =>
    connect(stack.webSocketUrl, query, { handshakeTimeoutMs: limitMs }),
  );
  const token = stack.token({ username: "bench" });

  const { client: speaker, sessionId } = await measure("create", "connect", { welcome: 1 }, () =>
    create(token),
  );
  const listener = await measure("join", "connect", { welcome: 1 }, () => join(sessionId));
  await measure("heartbeat", "heartbeat", {}, () => listener.ask({ action: "heartbeat" }, "heartbeatAck"));

  stack.clock.advance(60_001);
  const ticket = await measure("heartbeat past the refresh moment", "heartbeat", {}, () =>
    beatPastRefresh(listener),
  );

  const refreshed = await measure("listener refreshes", "connect", { welcome: 1, disconnect: 1 }, () =>
    refresh(listener, { role: "listener", sessionId, targetLanguage: "es", ticket }),
  );
  const own = await beatPastRefresh(speaker);
  const speakerAgain = await measure("speaker refreshes", "connect", { welcome: 1, disconnect: 1 }, () =>
    refresh(speaker, { role: "speaker", sessionId, token, ticket: own }),
  );
  await measure("listener leaves", "disconnect", {}, () => refreshed.leave());

  const last = await join(sessionId);
  await measure("speaker lost", "disconnect", { announce: 1 }, async () => {
    speakerAgain.socket.terminate();
    await last.next("speakerReconnecting");
  });

  // A second session, whose speaker says goodbye: one listener hears of it and is closed.
  const second = await create(token);
  const heard = await join(second.sessionId);
  await measure("speaker leaves", "disconnect", { announce: 1, disconnect: 2 }, async () => {
    await second.client.leave();
    await heard.closed;
  });
  return costs;
};

const budgeted = ["requests", "sequence", "readUnits", "writeUnits", "calls"] as const;

const words: Readonly<Record<(typeof budgeted)[number], string>> = {
  requests: "requests",
  sequence: "requests in sequence",
  readUnits: "read units",
  writeUnits: "write units",
  calls: "@connections calls",
};

/** A sentence for each figure of a flow that is over its budget. */
export const flowsExceeded = (costs: readonly FlowCost[]): string[] =>
  costs.flatMap((cost) => {
    const budget: FlowBudget = flowBudgets[cost.flow];
    return budgeted
      .filter((figure) => cost[figure] > budget[figure])
      .map((figure) => `${cost.flow}: ${cost[figure]} ${words[figure]}, budget ${budget[figure]}`);
  });

/** The figure, and what it may be. */
const of = (figure: number, budget: number): string => `${figure} / ${budget}`;

const followingOf = ({ followedBy }: FlowCost): string => {
  const { requests, readUnits, writeUnits, calls } = followedBy;
  if (requests + calls === 0) return "nothing";
  return [
    `${requests} request${requests === 1 ? "" : "s"}`,
    `${readUnits} RU`,
    `${writeUnits} WU`,
    `${calls} call${calls === 1 ? "" : "s"}`,
  ].join(", ");
};

export const flows: Benchmark = {
  name: "flows",
  summary: "DynamoDB requests, capacity units and @connections calls of each flow.",
  run: async ({ root, scope, say }: Bench): Promise<Report> => {
    say("Playing each flow against a stack of its own");
    const costs = await measureFlows({ root, start: (options) => startIn(scope, options) });
    return {
      title: "Flows: what each costs in DynamoDB and @connections (seen / budget)",
      header: ["flow", "requests", "in sequence", "reads (RU)", "writes (WU)", "calls", "then by the stream"],
      rows: costs.map((cost) => {
        const budget: FlowBudget = flowBudgets[cost.flow];
        return [cost.flow, ...budgeted.map((figure) => of(cost[figure], budget[figure])), followingOf(cost)];
      }),
      notes: [
        `Each request answered ${latencyMs} ms later, so that those sent side by side overlap.`,
        "The last column is the work of welcome, announce and, where sockets are closed, of disconnect.",
      ],
      exceeded: flowsExceeded(costs),
      figures: costs.map((cost) => ({ ...cost, budget: flowBudgets[cost.flow] })),
    };
  },
};
