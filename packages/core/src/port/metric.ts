import type { Failure } from "../value/failure.js";

/** The metrics' names and CloudWatch units. CloudWatch charges for every name in every dimension, so both are few. */
export const metricUnits = {
  /** From the handshake's arrival at API Gateway to the delivered `sessionCreated`. */
  SessionCreationLatency: "Milliseconds",
  /** From the handshake's arrival at API Gateway to the welcome of a listener that replaces no connection. */
  ListenerJoinLatency: "Milliseconds",
  /** From the frame's arrival at API Gateway to its acknowledgement. */
  HeartbeatLatency: "Milliseconds",
  /** Refusals and faults that were sent to a client; also counted by `code`. */
  ConnectionErrors: "Count",
  /** Faults of work that no client waits for: in a welcome, an announcement or a reaper run. */
  BackgroundErrors: "Count",
  /** Also counted by the limited `operation`. */
  RateLimitExceeded: "Count",
  /** A limit was off because its table could not be reached. */
  RateLimitsUnavailable: "Count",
  /** Tokens that the authorizer refused. */
  TokensRefused: "Count",
  ActiveSessions: "Count",
  TotalListeners: "Count",
  /** The sum of the differences by which the reaper corrected listener counts. */
  CountDrift: "Count",
  /** Reaper runs that finished. */
  ReaperRuns: "Count",
  /** Connections closed for silence. */
  SilentConnections: "Count",
  /** Listeners that an announcement was sent to, including those that it did not reach. */
  FanOutSize: "Count",
  FanOutDuration: "Milliseconds",
  /** Listeners whose sockets were gone when an announcement was sent. */
  FanOutGone: "Count",
  ColdStarts: "Count",
} as const;

export type MetricName = keyof typeof metricUnits;

/** The domain's measurements. */
export interface Metrics {
  /** `by` records the value a second time, with this dimension. The dimension must have few values. */
  record(
    name: MetricName,
    value: number,
    by?: { readonly code: string } | { readonly operation: string },
  ): void;
}

/** Counts a refusal by its code, and by its limit if it was a rate limit. */
export const countFailure = (metrics: Metrics, { code, details }: Failure): void => {
  metrics.record("ConnectionErrors", 1, { code });
  if (details?.limit) metrics.record("RateLimitExceeded", 1, { operation: details.limit });
};
