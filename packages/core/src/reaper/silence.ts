import type { SessionId } from "@lectern/protocol";
import { onSpeakerGone } from "../disconnect/speaker.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import { lastHeartbeats } from "../store/liveness.js";
import * as SessionTable from "../store/session.table.js";
import { longestAge } from "../value/lifetime.js";
import { type Budget, countWhere } from "./budget.js";

/** Closes the connections that are older than the stage's setting allows: it may be shorter than API Gateway's two hours. */
export const closeOverdue = (
  core: Core,
  budget: Budget,
  members: readonly ConnectionTable.Member[],
): Promise<number> => {
  const overdue = members.filter(({ connectedAt }) => core.now() - connectedAt > longestAge(core.settings));
  return countWhere(core, budget, overdue, (member) =>
    closeLost(core, member, "Overdue connection closed", true, (sessionId, heldAt) =>
      SessionTable.releaseSeat(core, sessionId, heldAt),
    ),
  );
};

/**
 * Closes the connections that have been silent for too long. A connection is silent when its liveness row shows no recent
 * heartbeat and API Gateway saw no recent traffic either. Without a readable liveness row, API Gateway decides alone.
 */
export const closeSilent = async (
  core: Core,
  budget: Budget,
  members: readonly ConnectionTable.Member[],
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
  const release = createReleases(core);
  const closed = await countWhere(core, budget, silent, async (member) => {
    const activeAt = await core.sockets.lastActiveAt(member.connectionId);
    if (activeAt !== "gone" && !isOld(activeAt)) return false;
    return closeLost(core, member, "Silent connection closed", activeAt !== "gone", release.later);
  });
  await release.all();
  return closed;
};

/** When a whole audience is lost, one write releases so many seats of a session. */
const seatsAtOnce = 25;

/** Collects the seats of removed listeners. A crash keeps them counted, and the next recounts find them free. */
const createReleases = (core: Core) => {
  const held = new Map<SessionId, { seats: number; readonly heldAt: number }>();
  const release = async (sessionId: SessionId): Promise<void> => {
    const collected = held.get(sessionId);
    held.delete(sessionId);
    if (collected) await SessionTable.releaseSeat(core, sessionId, collected.heldAt, collected.seats);
  };
  return {
    /** @param heldAt a time (ms) at which the seat was certainly held */
    later: async (sessionId: SessionId, heldAt: number): Promise<void> => {
      const collected = held.get(sessionId) ?? { seats: 0, heldAt };
      held.set(sessionId, collected);
      collected.seats += 1;
      if (collected.seats >= seatsAtOnce) await release(sessionId);
    },
    all: async (): Promise<void> => {
      await Promise.allSettled([...held.keys()].map(release));
    },
  };
};

/**
 * Closes a connection whose session goes on. A speaker's grace period starts first, because API Gateway reports our close
 * as code 1000, which would otherwise end the session.
 * @param isOpen false if the socket is known to be gone, so that a call is saved
 * @param release releases a listener's seat
 */
const closeLost = async (
  core: Core,
  member: ConnectionTable.Member,
  message: string,
  isOpen: boolean,
  release: (sessionId: SessionId, heldAt: number) => Promise<void>,
): Promise<true> => {
  const { connectionId, sessionId, role } = member;
  if (role === "speaker") await onSpeakerGone(core, member, false);
  if (isOpen) await core.sockets.close(connectionId);
  const heldAt = core.now();
  const removed = await ConnectionTable.removeOnce(core, connectionId);
  if (removed?.role === "listener") await release(sessionId, heldAt);
  core.log.info(message, { sessionId, role });
  return true;
};
