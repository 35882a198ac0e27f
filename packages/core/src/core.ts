import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Log } from "./log.js";
import type { Metrics } from "./metric.js";
import type { Settings } from "./settings.js";
import type { Sockets } from "./sockets.js";

/** What the domain needs from outside; `packages/functions` builds it once per environment, tests their own. */
export interface Core {
  /** With `maxAttempts: 1`: which calls may be repeated is decided call by call, in `dynamo.ts`. */
  readonly db: DynamoDBDocumentClient;
  readonly tables: Tables;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Signs tickets and hides addresses. */
  readonly signingKey: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A whole number from 0 up to, not including, `below`, cryptographically random. */
  readonly random: (below: number) => number;
}

/** Physical names. */
export interface Tables {
  readonly sessions: string;
  readonly connections: string;
  readonly rateLimits: string;
}
