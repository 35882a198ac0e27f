import type { Failure } from "./failure.js";

/** What is measured, and in which of CloudWatch's units. Every name costs money in every dimension: few of both. */
export const metricUnits = {
  /** From the handshake's arrival at API Gateway to the delivered `sessionCreated`. */
  SessionCreationLatency: "Milliseconds",
  /** From the handshake's arrival at API Gateway to the delivered `sessionJoined`. */
  ListenerJoinLatency: "Milliseconds",
  /** From the frame's arrival at API Gateway to its acknowledgement. */
  HeartbeatLatency: "Milliseconds",
  /** Refusals and faults that a client was answered with; by `code` too. */
  ConnectionErrors: "Count",
  /** Faults of work that no client waits for: a welcome, a client out of an announcement's reach, what the reaper left over. */
  BackgroundErrors: "Count",
  /** By the `operation` that was limited too. */
  RateLimitExceeded: "Count",
  /** A limit was off because its table could not be reached. */
  RateLimitsUnavailable: "Count",
  /** Tokens that the authorizer refused. */
  TokensRefused: "Count",
  ActiveSessions: "Count",
  TotalListeners: "Count",
  /** By how much listener counts were wrong, and have been corrected. */
  CountDrift: "Count",
  /** Runs of the reaper that came to their end. */
  ReaperRuns: "Count",
  /** Connections closed for silence. */
  SilentConnections: "Count",
  /** Listeners that a change of their session was told to, or tried to. */
  FanOutSize: "Count",
  FanOutDuration: "Milliseconds",
  /** Listeners whose sockets were gone when they were to be told. */
  FanOutGone: "Count",
  ColdStarts: "Count",
} as const;

export type MetricName = keyof typeof metricUnits;

/** Where the domain says what it measures. */
export interface Metrics {
  /** `by` makes a second metric, with this dimension; its values must be few. */
  record(
    name: MetricName,
    value: number,
    by?: { readonly code: string } | { readonly operation: string },
  ): void;
}

/** Counts what a client is refused, and why. */
export const countFailure = (metrics: Metrics, { code, details }: Failure): void => {
  metrics.record("ConnectionErrors", 1, { code });
  if (details?.limit) metrics.record("RateLimitExceeded", 1, { operation: details.limit });
};
