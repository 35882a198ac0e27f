import type { ServerFrame } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import type { Connection, Member } from "../store/connection.table.js";
import type { Session } from "../store/session.table.js";
import { errorFrame, Failure } from "../value/failure.js";
import { ticketFor } from "./refresh-required.js";

/** The first frame of an accepted connection. By its ticket a client that is lost later takes its seat back. */
export const welcome = (core: Core, member: Member, session: Session): ServerFrame => {
  const isRefresh = member.role === "listener" && member.isRefresh;
  if (isRefresh || member.replaces !== undefined) return refreshComplete(core, member, session);
  const { connectionId, sessionId } = member;
  const { sourceLanguage, qualityTier } = session;
  const [timestamp, ticket] = [core.now(), ticketFor(core, member)];
  return member.role === "speaker"
    ? {
        type: "sessionCreated",
        timestamp,
        sessionId,
        sourceLanguage,
        qualityTier,
        connectionId,
        expiresAt: session.expiresAt * 1000,
        ticket,
      }
    : {
        type: "sessionJoined",
        timestamp,
        sessionId,
        targetLanguage: member.targetLanguage,
        sourceLanguage,
        connectionId,
        ticket,
      };
};

/** Confirms that a connection is in place. */
export const refreshComplete = (core: Core, member: Member, session: Session): ServerFrame => ({
  type: "connectionRefreshComplete",
  timestamp: core.now(),
  sessionId: member.sessionId,
  role: member.role,
  ...(member.role === "listener" ? { targetLanguage: member.targetLanguage } : {}),
  sourceLanguage: session.sourceLanguage,
  connectionId: member.connectionId,
  ticket: ticketFor(core, member),
});

/** The last frame of a speaker's connection that another client of the same user has replaced. */
export const replaced = (sessionId: string, now: number): ServerFrame =>
  errorFrame(
    new Failure("FORBIDDEN", "Another connection has taken this session over", {
      details: { reason: "replaced", sessionId },
    }),
    now,
  );

/** Tells listeners that the speaker's connection was lost, or is back. */
export const speakerFrame = (
  type: "speakerReconnecting" | "speakerReconnected",
  sessionId: string,
  now: number,
): ServerFrame => ({ type, timestamp: now, sessionId });

/** The session's end. A session whose row is gone has expired. */
export const sessionEnded = (sessionId: string, session: Session | undefined, now: number): ServerFrame => {
  const reason = session?.endReason ?? "expired";
  return { type: "sessionEnded", timestamp: now, sessionId, reason, message: endings[reason] };
};

/** The refusal of a client that asked for it as a frame. */
export const refusal = (connection: Extract<Connection, { role: "refused" }>, now: number): ServerFrame => {
  const { code, message, retryAfter, details } = connection.refusal;
  return errorFrame(new Failure(code, message, { retryAfter, details }), now);
};

const endings = {
  speakerLeft: "The speaker has left",
  speakerLost: "The speaker's connection was lost and did not come back",
  expired: "The session has reached its longest duration",
  ended: "The speaker has ended the session",
} as const;
