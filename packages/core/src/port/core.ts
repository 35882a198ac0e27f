import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Settings } from "../value/settings.js";
import type { Metrics } from "./metric.js";
import type { Sockets } from "./sockets.js";

/** Everything that the domain needs from outside. `packages/functions` builds it once per environment; tests build fakes. */
export interface Core {
  /** Must have `maxAttempts: 1`: `store/retry.ts` decides for each call whether it may be repeated. */
  readonly db: DynamoDBDocumentClient;
  readonly tables: Tables;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The key of the tickets' HMACs and of the hashed addresses. */
  readonly signingKey: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A whole number from 0 up to, not including, `below`, cryptographically random. */
  readonly random: (below: number) => number;
}

/** The tables' physical names. */
export interface Tables {
  readonly sessions: string;
  readonly connections: string;
  readonly rateLimits: string;
}

/** Messages for operators. Never log a token, a whole frame, or an address. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
