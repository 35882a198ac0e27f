import type { FrameOf, ServerFrame } from "@lectern/protocol";
import { exceeded } from "./admission.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { hashConnectionId } from "./hash.js";
import { longestAge, refreshAge, warningAge } from "./lifetime.js";
import { isUnavailable } from "./persistence.js";
import { bucket, take } from "./rate-limit.js";
import { heartbeatRefillSeconds } from "./settings.js";
import { SocketError } from "./sockets.js";
import { issueTicket } from "./ticket.js";

const minute = 60_000;

/** The row that holds a connection's heartbeat limit and its last sign of life (`lastSeenAt`, ms). */
export const livenessId = (connectionId: string): string =>
  `heartbeat:connection:${hashConnectionId(connectionId)}`;

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
  const perMinute = settings.rateLimitHeartbeatsPerMin;
  const limit = bucket(perMinute, perMinute * heartbeatRefillSeconds(settings) * 1000);
  const verdict = await take(core, livenessId(connectionId), limit, { lastSeenAt: now });
  if (!verdict.allowed) throw exceeded("heartbeats", verdict.retryAfter);
  const age = now - connectedAt;
  if (age >= refreshAge(connectionId, settings)) {
    try {
      await askToRefresh(core, connectionId, age);
    } catch (error) {
      if (!(error instanceof SocketError) && !isUnavailable(error)) throw error;
      // The next heartbeat asks again; this one is acknowledged all the same.
      core.log.warn("A connection could not be asked to refresh", { error });
    }
  }
  return { type: "heartbeatAck", timestamp: core.now() };
};

const askToRefresh = async (core: Core, connectionId: string, age: number): Promise<void> => {
  const connection = await Connections.get(core, connectionId);
  if (!connection || connection.role === "refused") return;
  const required = refreshRequired(core, connection);
  await core.sockets.send(connectionId, required);
  if (age < warningAge(core.settings)) return;
  const { timestamp, deadline } = required;
  const remainingMinutes = Math.max(0, Math.round((deadline - timestamp) / minute));
  const message = `This connection will be cut in about ${remainingMinutes} min`;
  await core.sockets.send(connectionId, { type: "connectionWarning", timestamp, remainingMinutes, message });
};

/**
 * Asks a connection to make way for a new one, and brings the ticket for it, which is good for as long as the connection
 * itself.
 * @param url where to open the new one; undefined: where this one was opened
 */
export const refreshRequired = (
  core: Core,
  member: Connections.Member,
  url?: string,
): FrameOf<"connectionRefreshRequired"> => {
  const { connectionId, sessionId, role } = member;
  const language = member.role === "listener" ? { targetLanguage: member.targetLanguage } : {};
  const deadline = member.connectedAt + longestAge(core.settings);
  const ticket = issueTicket(
    { connectionId, sessionId, role, ...language, expiresAt: deadline },
    core.signingKey,
  );
  const where = url === undefined ? "" : ` at ${url}`;
  return {
    type: "connectionRefreshRequired",
    timestamp: core.now(),
    sessionId,
    role,
    ...language,
    ticket,
    ...(url === undefined ? {} : { url }),
    deadline,
    message: `Open a new connection with refreshConnection${where}; this one will be closed once that is in place`,
  };
};
