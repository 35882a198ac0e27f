import type { ServerFrame } from "@lectern/protocol";
import * as Connection from "./connection.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { hashConnectionId } from "./hash.js";
import { isOpening } from "./lifetime.js";
import { aboutSpeaker, refusal, replaced, sessionEnded, welcome as welcomeFrame } from "./reply.js";
import { isStale, type RowChange, readImages } from "./row-change.js";
import * as Sessions from "./session.table.js";

const firstPauseMs = 50;

/**
 * How long a socket is waited for that is not open. Its row is written last, so it opens within a moment of that or not at
 * all; and meanwhile no later record of the same lane of the stream gets its welcome.
 */
const patienceMs = 3_000;

/** Welcomes a connection whose row the stream says is new. */
export const onConnectionChange = async (core: Core, change: RowChange): Promise<void> => {
  if (change.eventName !== "INSERT" || isStale(core, change)) return;
  const images = readImages(core, core.tables.connections, Connections.connectionSchema, change);
  if (images?.after) await welcome(core, images.after);
};

/**
 * Gives a new connection its first frame, and retires the connection that it replaces. Right after the handshake the
 * socket may not be open yet: it is tried again for a while, then closed, should it open after all, and forgotten.
 */
export const welcome = async (core: Core, inserted: Connections.Connection): Promise<void> => {
  const begunAt = core.now();
  let connection: Connections.Connection | undefined = inserted;
  for (let pauseMs = firstPauseMs; connection; pauseMs *= 2) {
    if (await greet(core, connection)) return;
    const now = core.now();
    if (now - begunAt >= patienceMs || !isOpening(inserted.connectedAt, now)) {
      core.log.info("Connection never opened", threadOf(inserted));
      return Connection.close(core, inserted.connectionId);
    }
    await pause(pauseMs);
    connection = await Connections.get(core, inserted.connectionId);
  }
};

/** Tells the connection what it has to hear now. False: its socket is not open. */
const greet = async (core: Core, connection: Connections.Connection): Promise<boolean> => {
  if (connection.role === "refused") return part(core, connection, refusal(connection, core.now()));
  const { connectionId, sessionId, replaces } = connection;
  const session = await Sessions.get(core, sessionId);
  if (!session?.isActive) return part(core, connection, sessionEnded(sessionId, session, core.now()));
  const isSpeaker = connection.role === "speaker";
  if (isSpeaker && !Sessions.isSpeaker(session, connectionId)) {
    return part(core, connection, replaced(sessionId, core.now()));
  }
  const frame = welcomeFrame(connection, session, core.now());
  if ((await core.sockets.send(connectionId, frame)) === "gone") return false;
  core.log.info("Welcomed", { sessionId, ...threadOf(connection) });
  if (!isSpeaker && session.graceUntil !== undefined) {
    await core.sockets.send(connectionId, aboutSpeaker("speakerReconnecting", sessionId, core.now()));
  }
  if (replaces === undefined) {
    const latency = isSpeaker ? "SessionCreationLatency" : "ListenerJoinLatency";
    core.metrics.record(latency, core.now() - connection.requestedAt);
    return true;
  }
  if (!isSpeaker) {
    await Connection.close(core, replaces);
    return true;
  }
  // Another may have taken over since the session was read; then it is that one's to retire the old connection.
  if (!(await Sessions.confirmSpeaker(core, sessionId, connectionId))) {
    return part(core, connection, replaced(sessionId, core.now()));
  }
  // Whoever asked for the refresh itself knows what the close of the old connection means.
  if (connection.isTakeover) await core.sockets.send(replaces, replaced(sessionId, core.now()));
  await Connection.retire(core, replaces);
  return true;
};

/** Sends the connection away with a last frame. False: its socket is not open yet. */
const part = async (core: Core, connection: Connections.Connection, last: ServerFrame): Promise<boolean> => {
  core.log.info(`Dismissed by ${last.type}`, threadOf(connection));
  return (await Connection.dismiss(core, connection, last)) !== "opening";
};

/** What ties this to the lines of the handshake. */
const threadOf = ({ connectionId, requestId, role }: Connections.Connection) => ({
  connection: hashConnectionId(connectionId),
  requestId,
  role,
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
