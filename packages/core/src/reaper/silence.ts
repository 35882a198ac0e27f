import * as Connection from "../disconnect/connection.js";
import { onSpeakerGone } from "../disconnect/speaker.js";
import type { Core } from "../port/core.js";
import type { Member } from "../store/connection.table.js";
import { lastHeartbeats } from "../store/liveness.js";
import { longestAge } from "../value/lifetime.js";
import { type Budget, countWhere } from "./budget.js";

/** Closes the connections that are older than the stage's setting allows: it may be shorter than API Gateway's two hours. */
export const closeOverdue = (core: Core, budget: Budget, members: readonly Member[]): Promise<number> => {
  const overdue = members.filter(({ connectedAt }) => core.now() - connectedAt > longestAge(core.settings));
  return countWhere(core, budget, overdue, (member) =>
    closeLost(core, member, "Overdue connection closed", true),
  );
};

/**
 * Closes the connections that have been silent for too long. A connection is silent when its liveness row shows no recent
 * heartbeat and API Gateway saw no recent traffic either. Without a readable liveness row, API Gateway decides alone.
 */
export const closeSilent = async (
  core: Core,
  budget: Budget,
  members: readonly Member[],
): Promise<number> => {
  const timeoutMs = core.settings.heartbeatTimeoutSeconds * 1000;
  const isOld = (at: number) => core.now() - at > timeoutMs;
  const candidates = members.filter(({ connectedAt }) => isOld(connectedAt));
  const heartbeats = await lastHeartbeats(
    core,
    candidates.map(({ connectionId }) => connectionId),
  );
  const silent = candidates.filter(({ connectionId, connectedAt }) => {
    const at = heartbeats.get(connectionId);
    return at === "unknown" || isOld(Math.max(connectedAt, at ?? 0));
  });
  return countWhere(core, budget, silent, async (member) => {
    const activeAt = await core.sockets.lastActiveAt(member.connectionId);
    if (activeAt !== "gone" && !isOld(activeAt)) return false;
    return closeLost(core, member, "Silent connection closed", activeAt !== "gone");
  });
};

/**
 * Closes a connection whose session goes on. A speaker's grace period starts first, because API Gateway reports our close
 * as code 1000, which would otherwise end the session.
 * @param isOpen false if the socket is known to be gone, so that a call is saved
 */
const closeLost = async (core: Core, member: Member, message: string, isOpen: boolean): Promise<true> => {
  const { connectionId, sessionId, role } = member;
  if (role === "speaker") await onSpeakerGone(core, member, false);
  if (isOpen) await core.sockets.close(connectionId);
  await Connection.removeAndRelease(core, connectionId);
  core.log.info(message, { sessionId, role });
  return true;
};
