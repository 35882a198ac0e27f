/** What one flow may cost in the functions that answer the client; what the streams do then is not in it. */
export interface FlowBudget {
  /** DynamoDB requests. */
  readonly requests: number;
  /** The longest chain of them in which each waits for the one before. */
  readonly sequence: number;
  /** Capacity units, of rows below 1 KB: a write to a listener's row is also one to the index. */
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Calls of `@connections`. */
  readonly calls: number;
}

/** Requests and sequences as the design states them; the units that such requests cost at most. */
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
  /** Kilobytes (1,000 bytes) of a function's minified bundle. */
  bundleKb: 450,
  /** A bundle's load time in a fresh process, as a multiple of the bare SDK's. */
  loadRatio: 1.3,
  /** From the start of the process until the stack is ready, with everything fetched before. */
  startMs: 8_000,
  /** CPU time of one post to `@connections`, in microseconds. */
  postCpuUs: 80,
  /** CPU time of one invocation's log line and metrics, in microseconds. */
  telemetryCpuUs: 300,
} as const;
