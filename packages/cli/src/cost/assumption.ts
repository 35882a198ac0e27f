/** A figure that cannot be measured on one machine, and why it is taken to be this. */
export interface Assumption {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly why: string;
}

export const assumptions = {
  wholeCpuMb: {
    what: "memory with which a function has a whole CPU",
    value: 1_769,
    unit: "MB",
    why: "Lambda's documentation; with less it has its share. All that an invocation takes here counts as computing",
  },
  dynamoDbMs: {
    what: "waiting for one DynamoDB request",
    value: 5,
    unit: "ms",
    why: "single-digit milliseconds as AWS promises; requests count as if each waited for the one before",
  },
  callMs: {
    what: "waiting for one @connections call",
    value: 15,
    unit: "ms",
    why: "not documented: three times a DynamoDB request, calls one after the other",
  },
  coldShare: {
    what: "cold starts",
    value: 0.01,
    unit: "of invocations",
    why: "AWS finds less than that in production; they are billed since August 2025",
  },
  coldMs: {
    what: "a cold start",
    value: 500,
    unit: "ms",
    why: "above what bundles of this size are reported to take (250 to 375 ms)",
  },
  refusalSeries: {
    what: "metrics that only refusals and faults make",
    value: 10,
    unit: "metrics",
    why: "ConnectionErrors and five of its codes, RateLimitExceeded and two of its operations, TokensRefused; all metrics are taken to be there every hour of the month",
  },
  removalLagHours: {
    what: "rows left after they have expired",
    value: 48,
    unit: "hours",
    why: "DynamoDB's TTL removes them within two days",
  },
  logLagDays: {
    what: "logs left after their retention",
    value: 3,
    unit: "days",
    why: "CloudWatch may take 72 hours; they count uncompressed",
  },
  handshakeBytes: {
    what: "sent for one handshake, TLS included",
    value: 6_000,
    unit: "bytes",
    why: "a certificate chain and the upgrade's answer",
  },
  frameBytes: {
    what: "sent for one frame beside its text",
    value: 100,
    unit: "bytes",
    why: "headers of WebSocket, TLS and TCP/IP",
  },
  updateBytes: {
    what: "text of one broadcast frame (--updates)",
    value: 1_000,
    unit: "bytes",
    why: "what the pipeline sends is another system's; up to 32 KB it is one message",
  },
  alarmMails: {
    what: "alarm mails",
    value: 100,
    unit: "a month",
    why: "any number that a person can bear costs nothing to speak of",
  },
} as const satisfies Record<string, Assumption>;
