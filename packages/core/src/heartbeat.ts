import type { ServerFrame } from "@lectern/protocol";
import { exceeded } from "./admission.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { hashConnectionId } from "./hash.js";
import { longestAge, refreshAge, warningAge } from "./lifetime.js";
import { type Bucket, take } from "./rate-limit.js";
import { issueTicket } from "./ticket.js";

const minute = 60_000;

/** The row that holds a connection's heartbeat limit and its last sign of life (`lastSeenAt`, ms). */
export const livenessId = (connectionId: string): string =>
  `heartbeat:connection:${hashConnectionId(connectionId)}`;

/** A bucket of N that refills a little faster than N per minute, so that a client with jitter never meets it. */
const limit = (perMinute: number): Bucket => ({ size: perMinute, refillMs: (0.8 * minute) / perMinute });

/**
 * Answers a heartbeat. One write holds both limit and liveness; past the connection's refresh moment it is also told
 * to refresh, by frames of their own.
 * @throws {Failure} `RATE_LIMIT_EXCEEDED`
 */
export const beat = async (
  core: Core,
  { connectionId, connectedAt }: { readonly connectionId: string; readonly connectedAt: number },
): Promise<ServerFrame> => {
  const now = core.now();
  const { settings } = core;
  const verdict = await take(core, livenessId(connectionId), limit(settings.rateLimitHeartbeatsPerMin), {
    lastSeenAt: now,
  });
  if (!verdict.allowed) throw exceeded("heartbeats", verdict.retryAfter);
  const age = now - connectedAt;
  if (age >= refreshAge(connectionId, settings)) await askToRefresh(core, connectionId, connectedAt, age);
  return { type: "heartbeatAck", timestamp: core.now() };
};

const askToRefresh = async (
  core: Core,
  connectionId: string,
  connectedAt: number,
  age: number,
): Promise<void> => {
  const connection = await Connections.get(core, connectionId);
  if (!connection || connection.role === "refused") return;
  const { sessionId, role } = connection;
  const deadline = connectedAt + longestAge(core.settings);
  const language = connection.role === "listener" ? { targetLanguage: connection.targetLanguage } : {};
  const timestamp = core.now();
  const ticket = issueTicket(
    { connectionId, sessionId, role, ...language, expiresAt: deadline },
    core.signingKey,
  );
  await core.sockets.send(connectionId, {
    type: "connectionRefreshRequired",
    timestamp,
    sessionId,
    role,
    ...language,
    ticket,
    deadline,
    message: "Open a new connection with refreshConnection; this one will be closed once that is in place",
  });
  if (age < warningAge(core.settings)) return;
  const remainingMinutes = Math.max(0, Math.round((deadline - timestamp) / minute));
  const message = `This connection will be cut in about ${remainingMinutes} min`;
  await core.sockets.send(connectionId, { type: "connectionWarning", timestamp, remainingMinutes, message });
};
