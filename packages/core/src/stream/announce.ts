import pMap from "p-map";
import * as Connection from "../disconnect/connection.js";
import { sessionEnded, speakerFrame } from "../frame/frames.js";
import type { Core } from "../port/core.js";
import { postsAtOnce } from "../port/sockets.js";
import * as ConnectionTable from "../store/connection.table.js";
import { isStale, type RowChange, readImages } from "../store/row-change.js";
import { type Session, sessionSchema } from "../store/session.table.js";

/** A change of a session that its listeners must hear of. */
export type Change = "ended" | "speakerReconnecting" | "speakerReconnected";

/** What a change of a session's row means to its listeners, if anything. `after` is undefined when the row is gone. */
export const changeOf = (before: Session | undefined, after: Session | undefined): Change | undefined => {
  if (!before?.isActive) return undefined;
  if (!after?.isActive) return "ended";
  if (before.graceUntil === undefined && after.graceUntil !== undefined) return "speakerReconnecting";
  if (before.graceUntil !== undefined && after.graceUntil === undefined) return "speakerReconnected";
  return undefined;
};

/** Handles a change of Sessions: announces it to the session's listeners. */
export const onSessionChange = async (core: Core, change: RowChange): Promise<void> => {
  // Only `undoInsert` deletes a session's row: that session never had a listener.
  if ((change.eventName === "REMOVE" && !change.byTtl) || isStale(core, change)) return;
  const images = readImages(core, core.tables.sessions, sessionSchema, change);
  if (!images) return;
  const { before, after } = images;
  const meaning = changeOf(before, after);
  const session = after ?? before;
  if (meaning && session) await announce(core, meaning, session);
};

/**
 * Sends a change to every listener. At the session's end the speaker gets it too, and every connection is closed and
 * deleted. A client that cannot be reached never holds up the others.
 */
export const announce = async (core: Core, change: Change, session: Session): Promise<void> => {
  const { sessionId, speakerConnectionId, previousSpeakerConnectionId } = session;
  if (change !== "ended") {
    const frame = speakerFrame(change, sessionId, core.now());
    return fanOut(core, session, ({ connectionId }) => core.sockets.send(connectionId, frame));
  }
  const frame = sessionEnded(sessionId, session, core.now());
  await fanOut(core, session, (listener) => Connection.sendLastAndDelete(core, listener, frame));
  for (const connectionId of [speakerConnectionId, previousSpeakerConnectionId]) {
    const speaker = connectionId === undefined ? undefined : await ConnectionTable.get(core, connectionId);
    if (speaker?.role !== "speaker" || speaker.sessionId !== sessionId) continue;
    await tryToTell(core, sessionId, Connection.sendLastAndDelete(core, speaker, frame));
  }
};

/** Calls `tell` for every listener. Measures and logs how many listeners were gone or could not be reached. */
const fanOut = async (
  core: Core,
  { sessionId }: Session,
  tell: (listener: ConnectionTable.Listener) => Promise<string>,
): Promise<void> => {
  const begun = core.now();
  let failed = 0;
  let gone = 0;
  let size = 0;
  for await (const page of ConnectionTable.listeners(core, sessionId)) {
    size += page.length;
    const outcomes = await pMap(page, (listener) => tryToTell(core, sessionId, tell(listener)), {
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

/** Logs a failure instead of throwing it. The reaper closes connections that a session's end did not reach. */
const tryToTell = async (core: Core, sessionId: string, telling: Promise<string>): Promise<string> => {
  try {
    return await telling;
  } catch (error) {
    core.metrics.record("BackgroundErrors", 1);
    core.log.warn("A client could not be told", { sessionId, error });
    return "failed";
  }
};
