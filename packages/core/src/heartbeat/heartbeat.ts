import type { ServerFrame } from "@lectern/protocol";
import { refreshRequired } from "../frame/refresh-required.js";
import type { Core } from "../port/core.js";
import { SocketError } from "../port/sockets.js";
import * as ConnectionTable from "../store/connection.table.js";
import { livenessId } from "../store/liveness.js";
import { bucket, limitExceeded, take } from "../store/rate-limit.js";
import { isUnavailable } from "../store/retry.js";
import { refreshAge, warningAge } from "../value/lifetime.js";
import { heartbeatRefillSeconds } from "../value/settings.js";

const minute = 60_000;

/**
 * Answers a heartbeat. One write updates both the connection's limit and its liveness. Past the connection's refresh
 * moment it also asks the client to refresh, in frames of their own.
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
  if (!verdict.allowed) throw limitExceeded("heartbeats", verdict.retryAfter);
  const age = now - connectedAt;
  if (age >= refreshAge(connectionId, settings)) {
    try {
      await askToRefresh(core, connectionId, age);
    } catch (error) {
      if (!(error instanceof SocketError) && !isUnavailable(error)) throw error;
      // The heartbeat is acknowledged nevertheless, and the next one asks again.
      core.log.warn("A connection could not be asked to refresh", { error });
    }
  }
  return { type: "heartbeatAck", timestamp: core.now() };
};

const askToRefresh = async (core: Core, connectionId: string, age: number): Promise<void> => {
  const connection = await ConnectionTable.get(core, connectionId);
  if (!connection || connection.role === "refused") return;
  const required = refreshRequired(core, connection);
  await core.sockets.send(connectionId, required);
  if (age < warningAge(core.settings)) return;
  const { timestamp, deadline } = required;
  const remainingMinutes = Math.max(0, Math.round((deadline - timestamp) / minute));
  const message = `This connection will be cut in about ${remainingMinutes} min`;
  await core.sockets.send(connectionId, { type: "connectionWarning", timestamp, remainingMinutes, message });
};
