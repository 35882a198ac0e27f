import type { ServerFrame } from "@lectern/protocol";
import type { Connection, Member } from "./connection.table.js";
import { errorFrame, Failure } from "./failure.js";
import type { Session } from "./session.table.js";

/** The first frame of a connection: what its client asked for has come about. */
export const welcome = (member: Member, session: Session, now: number): ServerFrame => {
  if (member.replaces !== undefined) return refreshComplete(member, session, now);
  const { connectionId, sessionId } = member;
  const { sourceLanguage, qualityTier } = session;
  return member.role === "speaker"
    ? {
        type: "sessionCreated",
        timestamp: now,
        sessionId,
        sourceLanguage,
        qualityTier,
        connectionId,
        expiresAt: session.expiresAt * 1000,
      }
    : {
        type: "sessionJoined",
        timestamp: now,
        sessionId,
        targetLanguage: member.targetLanguage,
        sourceLanguage,
        connectionId,
      };
};

/** The connection is in its place. */
export const refreshComplete = (member: Member, session: Session, now: number): ServerFrame => ({
  type: "connectionRefreshComplete",
  timestamp: now,
  sessionId: member.sessionId,
  role: member.role,
  ...(member.role === "listener" ? { targetLanguage: member.targetLanguage } : {}),
  sourceLanguage: session.sourceLanguage,
  connectionId: member.connectionId,
});

/** Tells a speaker's connection that it is closed for good: another of the user's clients speaks now. */
export const replaced = (sessionId: string, now: number): ServerFrame =>
  errorFrame(
    new Failure("FORBIDDEN", "Another connection has taken this session over", {
      details: { reason: "replaced", sessionId },
    }),
    now,
  );

/** Tells listeners that the speaker is lost and may come back, or has come back. */
export const aboutSpeaker = (
  type: "speakerReconnecting" | "speakerReconnected",
  sessionId: string,
  now: number,
): ServerFrame => ({ type, timestamp: now, sessionId });

/** Tells that the session is over; without the session's row, that it has expired. */
export const sessionEnded = (sessionId: string, session: Session | undefined, now: number): ServerFrame => {
  const reason = session?.endReason ?? "expired";
  return { type: "sessionEnded", timestamp: now, sessionId, reason, message: endings[reason] };
};

/** The refusal of a client that asked to get it as a frame. */
export const refusal = (connection: Extract<Connection, { role: "refused" }>, now: number): ServerFrame => {
  const { code, message, retryAfter, details } = connection.refusal;
  return errorFrame(
    new Failure(code, message, {
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(details === undefined ? {} : { details }),
    }),
    now,
  );
};

const endings = {
  speakerLeft: "The speaker has left",
  speakerLost: "The speaker's connection was lost and did not come back",
  expired: "The session has reached its longest duration",
  ended: "The speaker has ended the session",
} as const;
