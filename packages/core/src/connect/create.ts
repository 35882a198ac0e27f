import type { ConnectQuery, SessionId } from "@lectern/protocol";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { Failure } from "../value/failure.js";
import { requireSource } from "../value/language.js";
import { sessionExpiry } from "../value/lifetime.js";
import { makeSessionId } from "../value/session-id.js";
import { admitCreation } from "./admission.js";
import { type Arrival, handshakeColumns } from "./arrival.js";

const idTries = 10;

type Creation = Extract<ConnectQuery, { action: "createSession" }>;

/**
 * Creates a session for a verified user. The connection's row is the last write: without it there is no welcome.
 * @throws {Failure} `UNAUTHORIZED`, `UNSUPPORTED_LANGUAGE`, `RATE_LIMIT_EXCEEDED`, `SERVICE_UNAVAILABLE`
 */
export const create = async (core: Core, arrival: Arrival, creation: Creation): Promise<void> => {
  const { connectionId, connectedAt, userId } = arrival;
  if (userId === undefined) throw new Failure("UNAUTHORIZED");
  const sourceLanguage = requireSource(creation.sourceLanguage);
  await admitCreation(core, userId);
  const now = core.now();
  const sessionId = await insertWithNewId(core, {
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
  const row = { ...handshakeColumns(core, arrival), role: "speaker", sessionId } as const;
  const inserted = await ConnectionTable.insertOrUndo(core, row, () =>
    SessionTable.undoInsert(core, sessionId, connectionId),
  );
  core.log.info(inserted ? "Session created" : "Repeated connect", { sessionId });
};

const insertWithNewId = async (
  core: Core,
  session: Omit<SessionTable.Session, "sessionId">,
): Promise<SessionId> => {
  for (let attempt = 1; attempt <= idTries; attempt += 1) {
    const sessionId = makeSessionId(core.random);
    try {
      if (await SessionTable.insert(core, { ...session, sessionId })) return sessionId;
    } catch (error) {
      // The row may have been written although the answer was lost.
      await Promise.allSettled([SessionTable.undoInsert(core, sessionId, session.speakerConnectionId)]);
      throw error;
    }
  }
  core.log.error("No free session id found", { tries: idTries });
  throw new Failure("SERVICE_UNAVAILABLE");
};
