import type { Stage } from "./stage.js";
import committed from "./usage.json" with { type: "json" };

/** The work of all invocations of one function in a flow. */
export interface Work {
  readonly invocations: number;
  /** DynamoDB requests. */
  readonly requests: number;
  /** Calls of `@connections`. */
  readonly calls: number;
  /** Bytes of log lines when every line is written. */
  readonly logBytes: number;
  /** Bytes of metric lines; CloudWatch ingests them as logs too. */
  readonly metricBytes: number;
  /** Duration of warm invocations on a whole CPU of the measuring machine, waits included. */
  readonly computingMs: number;
}

/** The resources that one run of a flow uses. */
export interface Flow {
  /** Connections opened. */
  readonly handshakes: number;
  /** Frames from clients. */
  readonly messagesIn: number;
  /** Frames to clients: route responses and posts. */
  readonly messagesOut: number;
  /** Bytes of those frames' text. */
  readonly bytesOut: number;
  /** Calls of `@connections` that close a connection or ask for its state. */
  readonly otherCalls: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  /** By the function's name, as in the stage's `functions`. */
  readonly functions: Readonly<Record<string, Work>>;
}

/** The measured flows. A flow "per listener" is what each further listener adds to the flow before it. */
export type FlowName = keyof typeof committed.flows;

export interface Usage {
  /** The day of the measurement. */
  readonly date: string;
  readonly flows: Readonly<Record<FlowName, Flow>>;
  /** Bytes of a session's row, of a connection's row, and of the rate-limit rows that one connection leaves. */
  readonly rows: { readonly session: number; readonly connection: number; readonly rateLimits: number };
  /** The metrics of a month without a refusal. */
  readonly series: readonly string[];
  /** The stage that is priced when `--stage` names no other. */
  readonly stage: Stage;
}

/** The committed measurement. `npm run bench -- usage --write` renews it. */
export const usage: Usage = committed;
