import * as Connection from "./connection.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { hashConnectionId } from "./hash.js";
import { isOpening } from "./lifetime.js";
import { refusal, sessionEnded, welcome as welcomeFrame } from "./reply.js";
import * as Sessions from "./session.table.js";

const firstPauseMs = 50;

/**
 * Gives a new connection its first frame, and retires the connection that it replaces. Right after the handshake the
 * socket may not be open yet: it is tried again until the connection is ten seconds old, and forgotten then.
 */
export const welcome = async (core: Core, inserted: Connections.Connection): Promise<void> => {
  let connection: Connections.Connection | undefined = inserted;
  for (let pauseMs = firstPauseMs; connection; pauseMs *= 2) {
    if (await greet(core, connection)) return;
    if (!isOpening(inserted.connectedAt, core.now())) {
      core.log.info("Connection never opened", threadOf(inserted));
      return Connection.forget(core, inserted.connectionId);
    }
    await pause(pauseMs);
    connection = await Connections.get(core, inserted.connectionId);
  }
};

/** Tells the connection what it has to hear now. False: its socket is not open. */
const greet = async (core: Core, connection: Connections.Connection): Promise<boolean> => {
  if (connection.role === "refused")
    return isSettled(await Connection.dismiss(core, connection, refusal(connection, core.now())));
  const { connectionId, sessionId, replaces } = connection;
  const session = await Sessions.get(core, sessionId);
  if (!session?.isActive) {
    return isSettled(
      await Connection.dismiss(core, connection, sessionEnded(sessionId, session, core.now())),
    );
  }
  const frame = welcomeFrame(connection, session, core.now());
  if ((await core.sockets.send(connectionId, frame)) === "gone") return false;
  core.log.info("Welcomed", { sessionId, ...threadOf(connection) });
  if (replaces !== undefined) {
    await Connection.close(core, replaces);
    return true;
  }
  const latency = connection.role === "speaker" ? "SessionCreationLatency" : "ListenerJoinLatency";
  core.metrics.record(latency, core.now() - connection.requestedAt);
  return true;
};

/** What ties this to the lines of the handshake. */
const threadOf = ({ connectionId, requestId, role }: Connections.Connection) => ({
  connection: hashConnectionId(connectionId),
  requestId,
  role,
});

const isSettled = (dismissal: Connection.Dismissal): boolean => dismissal !== "opening";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
