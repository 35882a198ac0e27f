import type { ConnectQuery, ServerFrame, SessionId } from "@lectern/protocol";
import { admitCreation } from "./admission.js";
import { type Arrival, origin } from "./arrival.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { Failure } from "./failure.js";
import { requireSource } from "./language.js";
import { deliberateUntilMs, sessionExpiry } from "./lifetime.js";
import { sessionEnded } from "./reply.js";
import * as Sessions from "./session.table.js";
import { makeSessionId } from "./session-id.js";

const idTries = 10;

type Creation = Extract<ConnectQuery, { action: "createSession" }>;

/**
 * Opens a session for a verified user. The connection's row is the last write: without it there is no welcome.
 * @throws {Failure} `UNAUTHORIZED`, `UNSUPPORTED_LANGUAGE`, `RATE_LIMIT_EXCEEDED`, `SERVICE_UNAVAILABLE`.
 */
export const create = async (core: Core, arrival: Arrival, creation: Creation): Promise<void> => {
  const { connectionId, connectedAt, userId } = arrival;
  if (userId === undefined) throw new Failure("UNAUTHORIZED");
  const sourceLanguage = requireSource(creation.sourceLanguage);
  await admitCreation(core, userId);
  const now = core.now();
  const sessionId = await insertUnderFreshId(core, {
    speakerUserId: userId,
    speakerConnectionId: connectionId,
    speakerSince: connectedAt,
    sourceLanguage,
    qualityTier: creation.qualityTier,
    sharedNetwork: creation.sharedNetwork,
    createdAt: now,
    isActive: true,
    listenerCount: 0,
    seatsChangedAt: now,
    expiresAt: sessionExpiry(now, core.settings),
  });
  const inserted = await Connections.insertOr(
    core,
    { ...origin(core, arrival), role: "speaker", sessionId },
    () => Sessions.withdraw(core, sessionId, connectionId),
  );
  core.log.info(inserted ? "Session created" : "Repeated connect", { sessionId });
};

type SpeakerId = Pick<Connections.Speaker, "connectionId" | "sessionId">;

/**
 * A speaker's connection has gone. A deliberate close ends the session at once, any other loss starts the grace
 * period; neither does anything once another connection speaks, or a grace period runs already. One that took over and
 * was never welcomed leaves the session to the one before.
 */
export const speakerGone = async (core: Core, speaker: SpeakerId, deliberate: boolean): Promise<void> => {
  const { connectionId, sessionId } = speaker;
  const graceMs = core.settings.speakerGraceSeconds * 1000;
  if (deliberate || graceMs === 0) {
    const reason = deliberate ? "speakerLeft" : "speakerLost";
    const guard = { speakerConnectionId: connectionId, graceUntil: "none" } as const;
    if (await Sessions.end(core, sessionId, reason, guard)) {
      return core.log.info("Session ended", { sessionId, reason });
    }
  } else if (await Sessions.beginGrace(core, sessionId, core.now() + graceMs, connectionId)) {
    return core.log.info("Speaker lost, grace period began", { sessionId });
  }
  await giveBack(core, speaker, deliberate);
};

/**
 * Gives the session back to the connection that spoke before this one, if this one was never welcomed: its client has
 * kept the other, or comes back by it. Has that gone meanwhile, then so has the speaker.
 * @param deliberate whether this one was closed by its speaker's own will
 */
export const giveBack = async (
  core: Core,
  { connectionId, sessionId }: SpeakerId,
  deliberate = false,
): Promise<void> => {
  const previous = await Sessions.giveBack(core, sessionId, connectionId);
  if (previous === undefined) return;
  core.log.info("Session given back to the speaker before", { sessionId });
  if (await Connections.get(core, previous)) return;
  await speakerGone(core, { sessionId, connectionId: previous }, deliberate);
};

/**
 * Whether a close is the speaker's own will: code 1000, or none given, on a connection too young to have been cut
 * at API Gateway's two hours.
 */
export const isDeliberate = (code: number | undefined, ageMs: number): boolean =>
  (code === 1000 || code === 1005) && ageMs < deliberateUntilMs;

/**
 * Ends the session at its speaker's wish. The speaker hears of it as everybody does, from the stream; only a session
 * that had ended already is answered at once.
 * @throws {Failure} `FORBIDDEN` to anybody but the session's speaker.
 */
export const endBySpeaker = async (core: Core, connectionId: string): Promise<ServerFrame | undefined> => {
  const { sessionId } = await requireSpeaker(core, connectionId);
  const ended = await Sessions.end(core, sessionId, "ended", { speakerConnectionId: connectionId });
  if (ended) {
    core.log.info("Session ended", { sessionId, reason: "ended" });
    return undefined;
  }
  const session = await Sessions.get(core, sessionId);
  if (session?.isActive) throw new Failure("FORBIDDEN");
  return sessionEnded(sessionId, session, core.now());
};

/** @throws {Failure} `FORBIDDEN` to anybody but the session's speaker. */
export const status = async (core: Core, connectionId: string): Promise<ServerFrame> => {
  const { sessionId } = await requireSpeaker(core, connectionId);
  const [session, languageDistribution] = await Promise.all([
    Sessions.get(core, sessionId),
    Connections.languageDistribution(core, sessionId),
  ]);
  if (session?.speakerConnectionId !== connectionId) throw new Failure("FORBIDDEN");
  const { listenerCount } = session;
  const isActive = Sessions.isOpen(session, core.now());
  return {
    type: "sessionStatus",
    timestamp: core.now(),
    sessionId,
    isActive,
    listenerCount,
    languageDistribution,
  };
};

const requireSpeaker = async (core: Core, connectionId: string): Promise<Connections.Speaker> => {
  const connection = await Connections.get(core, connectionId);
  if (connection?.role !== "speaker") throw new Failure("FORBIDDEN");
  return connection;
};

const insertUnderFreshId = async (
  core: Core,
  session: Omit<Sessions.Session, "sessionId">,
): Promise<SessionId> => {
  for (let attempt = 1; attempt <= idTries; attempt += 1) {
    const sessionId = makeSessionId(core.random);
    try {
      if (await Sessions.insert(core, { ...session, sessionId })) return sessionId;
    } catch (error) {
      // Perhaps it was written all the same.
      await Promise.allSettled([Sessions.withdraw(core, sessionId, session.speakerConnectionId)]);
      throw error;
    }
  }
  core.log.error("No free session id found", { tries: idTries });
  throw new Failure("SERVICE_UNAVAILABLE");
};
