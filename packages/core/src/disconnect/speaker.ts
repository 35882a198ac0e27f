import type { Core } from "../port/core.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import { deliberateUntilMs } from "../value/lifetime.js";

type SpeakerId = Pick<ConnectionTable.Speaker, "connectionId" | "sessionId">;

/**
 * Handles the loss of a speaker's connection. A deliberate close ends the session at once; any other starts the grace
 * period. Neither happens when another connection speaks by now, or while a grace period runs. If the lost connection had
 * taken over and was never welcomed, the session returns to the speaker before it.
 */
export const onSpeakerGone = async (core: Core, speaker: SpeakerId, deliberate: boolean): Promise<void> => {
  const { connectionId, sessionId } = speaker;
  const graceMs = core.settings.speakerGraceSeconds * 1000;
  if (deliberate || graceMs === 0) {
    const reason = deliberate ? "speakerLeft" : "speakerLost";
    const guard = { speakerConnectionId: connectionId, graceUntil: "none" } as const;
    if (await SessionTable.end(core, sessionId, reason, guard)) {
      return core.log.info("Session ended", { sessionId, reason });
    }
  } else if (await SessionTable.beginGrace(core, sessionId, core.now() + graceMs, connectionId)) {
    return core.log.info("Speaker lost, grace period began", { sessionId });
  }
  await returnToPreviousSpeaker(core, speaker, deliberate);
};

/**
 * Returns the session to the previous speaker if this connection was never welcomed: its client still has the previous
 * connection, or will refresh it. If that connection has gone too, the speaker is lost.
 * @param deliberate whether the speaker closed this connection on purpose
 */
export const returnToPreviousSpeaker = async (
  core: Core,
  { connectionId, sessionId }: SpeakerId,
  deliberate = false,
): Promise<void> => {
  const previous = await SessionTable.restorePreviousSpeaker(core, sessionId, connectionId);
  if (previous === undefined) return;
  core.log.info("Session returned to the previous speaker", { sessionId });
  if (await ConnectionTable.get(core, previous)) return;
  await onSpeakerGone(core, { sessionId, connectionId: previous }, deliberate);
};

/**
 * True when the speaker closed the connection on purpose: code 1000, or no code given, on a connection too young to have
 * been cut at API Gateway's two hours.
 */
export const isDeliberate = (code: number | undefined, ageMs: number): boolean =>
  (code === 1000 || code === 1005) && ageMs < deliberateUntilMs;
