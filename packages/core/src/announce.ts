import pMap from "p-map";
import * as Connection from "./connection.js";
import * as Connections from "./connection.table.js";
import type { Core } from "./core.js";
import { aboutSpeaker, sessionEnded } from "./reply.js";
import { isStale, type RowChange, readImages } from "./row-change.js";
import { type Session, sessionSchema } from "./session.table.js";
import { postsAtOnce } from "./sockets.js";

/** What a change of a session's row means to its listeners. */
export type Change = "ended" | "speakerReconnecting" | "speakerReconnected";

/** Tells what a session's listeners must hear of a change of its row; `after` is undefined when the row is gone. */
export const changeOf = (before: Session | undefined, after: Session | undefined): Change | undefined => {
  if (!before?.isActive) return undefined;
  if (!after?.isActive) return "ended";
  if (before.graceUntil === undefined && after.graceUntil !== undefined) return "speakerReconnecting";
  if (before.graceUntil !== undefined && after.graceUntil === undefined) return "speakerReconnected";
  return undefined;
};

/** Tells a session's listeners what the stream says has become of its row. */
export const onSessionChange = async (core: Core, change: RowChange): Promise<void> => {
  // A session that we withdrew ourselves never had anybody to tell.
  if ((change.eventName === "REMOVE" && !change.byTtl) || isStale(core, change)) return;
  const images = readImages(core, core.tables.sessions, sessionSchema, change);
  if (!images) return;
  const { before, after } = images;
  const meaning = changeOf(before, after);
  const session = after ?? before;
  if (meaning && session) await announce(core, meaning, session);
};

/**
 * Tells every listener. At a session's end, also of one whose row is gone already, its speaker too; everybody's socket
 * is closed and forgotten. A client that cannot be reached never holds up the others.
 */
export const announce = async (core: Core, change: Change, session: Session): Promise<void> => {
  const { sessionId, speakerConnectionId, previousSpeakerConnectionId } = session;
  if (change !== "ended") {
    const frame = aboutSpeaker(change, sessionId, core.now());
    return fanOut(core, session, ({ connectionId }) => core.sockets.send(connectionId, frame));
  }
  const frame = sessionEnded(sessionId, session, core.now());
  await fanOut(core, session, (listener) => Connection.dismiss(core, listener, frame));
  for (const connectionId of [speakerConnectionId, previousSpeakerConnectionId]) {
    const speaker = connectionId === undefined ? undefined : await Connections.get(core, connectionId);
    if (speaker?.role !== "speaker" || speaker.sessionId !== sessionId) continue;
    await reach(core, sessionId, Connection.dismiss(core, speaker, frame));
  }
};

/** Does something for every listener; how many were gone or could not be reached is measured and logged. */
const fanOut = async (
  core: Core,
  { sessionId }: Session,
  act: (listener: Connections.Listener) => Promise<string>,
): Promise<void> => {
  const begun = core.now();
  let failed = 0;
  let gone = 0;
  let size = 0;
  for await (const page of Connections.listeners(core, sessionId)) {
    size += page.length;
    const outcomes = await pMap(page, (listener) => reach(core, sessionId, act(listener)), {
      concurrency: postsAtOnce,
    });
    failed += outcomes.filter((outcome) => outcome === "failed").length;
    gone += outcomes.filter((outcome) => outcome === "gone").length;
  }
  core.metrics.record("FanOutSize", size);
  core.metrics.record("FanOutGone", gone);
  core.metrics.record("FanOutDuration", core.now() - begun);
  core.log.info("Listeners told", { sessionId, size, gone, failed });
};

/** What became of it; the reaper closes whom the end of a session did not reach. */
const reach = async (core: Core, sessionId: string, telling: Promise<string>): Promise<string> => {
  try {
    return await telling;
  } catch (error) {
    core.metrics.record("BackgroundErrors", 1);
    core.log.warn("A client could not be told", { sessionId, error });
    return "failed";
  }
};
