import type { ServerFrame } from "@lectern/protocol";
import { sessionEnded } from "../frame/frames.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { Failure } from "../value/failure.js";

/**
 * Ends the session at its speaker's request. The speaker gets `sessionEnded` from the stream, like every listener. Only
 * when the session has ended before is the request answered at once.
 * @throws {Failure} `FORBIDDEN` to anybody but the session's speaker
 */
export const endSession = async (core: Core, connectionId: string): Promise<ServerFrame | undefined> => {
  const { sessionId } = await requireSpeaker(core, connectionId);
  const ended = await SessionTable.end(core, sessionId, "ended", { speakerConnectionId: connectionId });
  if (ended) {
    core.log.info("Session ended", { sessionId, reason: "ended" });
    return undefined;
  }
  const session = await SessionTable.get(core, sessionId);
  if (session?.isActive) throw new Failure("FORBIDDEN");
  return sessionEnded(sessionId, session, core.now());
};

/** The session's `sessionStatus`. @throws {Failure} `FORBIDDEN` to anybody but the session's speaker */
export const sessionStatus = async (core: Core, connectionId: string): Promise<ServerFrame> => {
  const { sessionId } = await requireSpeaker(core, connectionId);
  const [session, languageDistribution] = await Promise.all([
    SessionTable.get(core, sessionId),
    ConnectionTable.languageDistribution(core, sessionId),
  ]);
  if (session?.speakerConnectionId !== connectionId) throw new Failure("FORBIDDEN");
  const { listenerCount } = session;
  const isActive = SessionTable.isOpen(session, core.now());
  return {
    type: "sessionStatus",
    timestamp: core.now(),
    sessionId,
    isActive,
    listenerCount,
    languageDistribution,
  };
};

const requireSpeaker = async (core: Core, connectionId: string): Promise<ConnectionTable.Speaker> => {
  const connection = await ConnectionTable.get(core, connectionId);
  if (connection?.role !== "speaker") throw new Failure("FORBIDDEN");
  return connection;
};
