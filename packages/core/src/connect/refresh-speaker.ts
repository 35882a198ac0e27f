import type { ConnectQuery } from "@lectern/protocol";
import { returnToPreviousSpeaker } from "../disconnect/speaker.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { Failure } from "../value/failure.js";
import { sessionExpiry } from "../value/lifetime.js";
import { readTicket } from "../value/ticket.js";
import { type Arrival, handshakeColumns } from "./arrival.js";

type Refresh = Extract<ConnectQuery, { action: "refreshConnection"; role: "speaker" }>;

/**
 * Makes a speaker's new connection take over the session from the old one, or end its grace period.
 * @throws {Failure} `UNAUTHORIZED`, `FORBIDDEN` to another user, `SESSION_NOT_FOUND`, `SERVICE_UNAVAILABLE`
 */
export const refreshSpeaker = async (
  core: Core,
  arrival: Arrival,
  { sessionId, ticket: text = "" }: Refresh,
): Promise<void> => {
  const { connectionId, connectedAt, userId } = arrival;
  if (userId === undefined) throw new Failure("UNAUTHORIZED");
  const undoMove = () => returnToPreviousSpeaker(core, { sessionId, connectionId });
  const moving = SessionTable.moveSpeaker(core, sessionId, {
    speakerUserId: userId,
    speakerConnectionId: connectionId,
    speakerSince: connectedAt,
    expiresAt: sessionExpiry(core.now(), core.settings),
  });
  const move = await moving.catch(async (error) => {
    // The session may have moved although the answer was lost.
    await Promise.allSettled([undoMove()]);
    throw error;
  });
  switch (move.outcome) {
    case "forbidden":
      throw new Failure("FORBIDDEN");
    case "not-found":
      throw new Failure("SESSION_NOT_FOUND");
    case "repeated":
      return core.log.info("Repeated connect", { sessionId });
    case "moved": {
      const { replaces } = move;
      const ticket = readTicket(text, core.signingKey, core.now());
      const isTakeover = ticket?.role !== "speaker" || ticket.connectionId !== replaces;
      const columns = handshakeColumns(core, arrival);
      const row = { ...columns, role: "speaker", sessionId, replaces, isTakeover } as const;
      const inserted = await ConnectionTable.insertOrUndo(core, row, async (state) => {
        if (state !== "there before") await undoMove();
      });
      core.log.info(inserted ? "Speaker refreshed" : "Repeated connect", { sessionId });
    }
  }
};
