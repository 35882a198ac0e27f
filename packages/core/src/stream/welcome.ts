import type { ServerFrame } from "@lectern/protocol";
import * as Connection from "../disconnect/connection.js";
import { refusal, replaced, sessionEnded, speakerFrame, welcome as welcomeFrame } from "../frame/frames.js";
import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import { isStale, type RowChange, readImages } from "../store/row-change.js";
import * as SessionTable from "../store/session.table.js";
import { hashId } from "../value/hash.js";
import { isOpening } from "../value/lifetime.js";

/** Doubles with every try. */
const firstPauseMs = 50;

/**
 * How long a welcome waits for a socket that is not open. The row is the last write of a connect, so the socket opens soon
 * after it or never; and the wait delays all later records of the same stream shard.
 */
const maxWaitMs = 3_000;

/** Handles a change of Connections: welcomes a new connection. */
export const onConnectionChange = async (core: Core, change: RowChange): Promise<void> => {
  if (change.eventName !== "INSERT" || isStale(core, change)) return;
  const images = readImages(core, core.tables.connections, ConnectionTable.connectionSchema, change);
  if (images?.after) await welcome(core, images.after);
};

/**
 * Sends a new connection its first frame, and closes the connection that it replaces. Right after the handshake the socket
 * may not be open yet, so the send is retried for a while. Then the connection is closed, in case its socket opens later,
 * and removed.
 */
export const welcome = async (core: Core, inserted: ConnectionTable.Connection): Promise<void> => {
  const begunAt = core.now();
  let connection: ConnectionTable.Connection | undefined = inserted;
  for (let pauseMs = firstPauseMs; connection; pauseMs *= 2) {
    if (await greet(core, connection)) return;
    const now = core.now();
    if (now - begunAt >= maxWaitMs || !isOpening(inserted.connectedAt, now)) {
      core.log.info("Connection never opened", logFieldsOf(inserted));
      return Connection.closeAndRelease(core, inserted.connectionId);
    }
    await pause(pauseMs);
    connection = await ConnectionTable.get(core, inserted.connectionId);
  }
};

/** Sends the frame that fits the connection's state. Returns false if its socket is not open. */
const greet = async (core: Core, connection: ConnectionTable.Connection): Promise<boolean> => {
  if (connection.role === "refused") return dismissWith(core, connection, refusal(connection, core.now()));
  const { connectionId, sessionId, replaces } = connection;
  const session = await SessionTable.get(core, sessionId);
  if (!session?.isActive) return dismissWith(core, connection, sessionEnded(sessionId, session, core.now()));
  const isSpeaker = connection.role === "speaker";
  if (isSpeaker && !SessionTable.isSpeaker(session, connectionId)) {
    return dismissWith(core, connection, replaced(sessionId, core.now()));
  }
  const frame = welcomeFrame(core, connection, session);
  if ((await core.sockets.send(connectionId, frame)) === "gone") return false;
  core.log.info("Welcomed", { sessionId, ...logFieldsOf(connection) });
  if (!isSpeaker && session.graceUntil !== undefined) {
    await core.sockets.send(connectionId, speakerFrame("speakerReconnecting", sessionId, core.now()));
  }
  if (replaces === undefined) {
    const latency = isSpeaker ? "SessionCreationLatency" : "ListenerJoinLatency";
    core.metrics.record(latency, core.now() - connection.requestedAt);
    return true;
  }
  if (!isSpeaker) {
    await Connection.closeAndRelease(core, replaces);
    return true;
  }
  // If another connection has taken over since the session was read, its welcome closes the old connection.
  if (!(await SessionTable.confirmSpeaker(core, sessionId, connectionId))) {
    return dismissWith(core, connection, replaced(sessionId, core.now()));
  }
  // A client that refreshed its own connection expects the close of the old one, and needs no frame about it.
  if (connection.isTakeover) await core.sockets.send(replaces, replaced(sessionId, core.now()));
  await Connection.closeAndDelete(core, replaces);
  return true;
};

/** Sends a last frame and closes the connection. Returns false if its socket is not open yet. */
const dismissWith = async (
  core: Core,
  connection: ConnectionTable.Connection,
  last: ServerFrame,
): Promise<boolean> => {
  core.log.info(`Dismissed by ${last.type}`, logFieldsOf(connection));
  return (await Connection.sendLastAndDelete(core, connection, last)) !== "opening";
};

/** The fields that join these log lines to those of the handshake. */
const logFieldsOf = ({ connectionId, requestId, role }: ConnectionTable.Connection) => ({
  connection: hashId(connectionId),
  requestId,
  role,
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
