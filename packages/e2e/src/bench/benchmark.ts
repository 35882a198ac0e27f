import type { Scope } from "@lectern/cli/scope";

/** The surroundings of a benchmark. */
export interface Bench {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  readonly scope: Scope;
  /** Reports progress on standard error. */
  readonly say: (line: string) => void;
  /** Repetitions. Default: the benchmark's own number. */
  readonly rounds: number | undefined;
  /** True if `usage` should write its file. */
  readonly write: boolean;
}

/** The result of a benchmark. */
export interface Report {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The method, and what a reader should know. */
  readonly notes: readonly string[];
  /** A sentence for each budget that is exceeded. */
  readonly exceeded: readonly string[];
  /** The figures behind the rows, for `--json`. */
  readonly figures: unknown;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(bench: Bench): Promise<Report>;
}

/** The most that a flow may cost in the function that answers the client, without the functions that the streams invoke. */
export interface FlowBudget {
  /** DynamoDB requests. */
  readonly requests: number;
  /** The longest chain of requests in which each waits for the one before. */
  readonly sequence: number;
  /** Capacity units, for rows below 1 KB. A write to a listener's row also writes to the index. */
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Calls of `@connections`. */
  readonly calls: number;
}

/** Requests and sequences are the design's; units are the most that such requests cost. */
export const flowBudgets = {
  create: { requests: 4, sequence: 3, readUnits: 0, writeUnits: 4, calls: 0 },
  join: { requests: 4, sequence: 2, readUnits: 0, writeUnits: 5, calls: 0 },
  heartbeat: { requests: 1, sequence: 1, readUnits: 0, writeUnits: 1, calls: 0 },
  "heartbeat past the refresh moment": { requests: 2, sequence: 2, readUnits: 1, writeUnits: 1, calls: 1 },
  "listener leaves": { requests: 2, sequence: 2, readUnits: 0, writeUnits: 3, calls: 0 },
  "speaker leaves": { requests: 2, sequence: 2, readUnits: 0, writeUnits: 2, calls: 0 },
  "speaker lost": { requests: 2, sequence: 2, readUnits: 0, writeUnits: 2, calls: 0 },
  "speaker refreshes": { requests: 3, sequence: 2, readUnits: 0, writeUnits: 3, calls: 0 },
  "listener refreshes": { requests: 3, sequence: 2, readUnits: 0, writeUnits: 4, calls: 0 },
} as const satisfies Record<string, FlowBudget>;

export type FlowName = keyof typeof flowBudgets;

export const budgets = {
  /** Size of a function's minified bundle, in kilobytes of 1,000 bytes. */
  bundleKb: 450,
  /** A bundle's load time in a new process, as a multiple of the bare SDK's. */
  loadRatio: 1.3,
  /** Time from the start of the process until the stack is ready, when everything is already downloaded. */
  startMs: 8_000,
  /** CPU time of one post to `@connections`, in microseconds. */
  postCpuUs: 80,
  /** CPU time of a warm heartbeat at its function's share of a CPU: half of the time until its acknowledgement. */
  heartbeatMs: 50,
  /** CPU time of one invocation's log line and metrics, in microseconds. */
  telemetryCpuUs: 300,
  /** The design's minute, in which a hundred full sessions that end together must be announced and closed. */
  noonSeconds: 60,
} as const;
