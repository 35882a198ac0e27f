import { asDuration } from "../statistic.js";
import { type Check, present, type Scene } from "./check.js";
import { cause, causeIn, deployAgain, frameSentence, missingFrame } from "./diagnosis.js";
import { join, joinsSession } from "./entrance.js";
import { defaultRoute, statusOf } from "./frames.js";
import { eventually, rowIn, sessionRow } from "./rows.js";
import { Failed, Skip, step } from "./trouble.js";
import type { Visitor } from "./visitor.js";

export const forgetsLeavers: Check = {
  name: "a listener leaves, and is counted no more",
  needs: [joinsSession],
  run: async (scene) => {
    const { visitor, connectionId } = present(scene.listener);
    const { sessionId } = present(scene.speaker).frame;
    const begun = performance.now();
    await step(visitor.leave(), () => "The socket of a listener who leaves was not closed: verify again.");
    const after = () => `after ${asDuration(performance.now() - begun)}`;
    try {
      await soon(scene, () => isGone(scene, connectionId), "the connection's row is still there");
      const isFree = async () => (await sessionRow(scene, sessionId)).listenerCount === 0;
      await soon(scene, isFree, "the listener is still counted");
      return `row gone, listenerCount 0, ${after()}`;
    } catch (error) {
      if (!(error instanceof Skip)) throw error;
      // The count can be seen without credentials, by asking for it.
      const isFree = async () => (await statusOf(scene)).listenerCount === 0;
      await soon(scene, isFree, "the listener is still counted");
      return `listenerCount 0, ${after()}; no row was looked at: ${error.message}`;
    }
  },
};

/** @throws {Failed} saying what is still there, and why */
const soon = async (
  { evidence, subject }: Scene,
  isSo: () => Promise<boolean>,
  still: string,
): Promise<void> => {
  if (await eventually(subject.limitMs, isSo)) return;
  const late = `${asDuration(subject.limitMs)} after a listener left ${still}`;
  const finding = await evidence.faults("disconnect");
  if (finding.kind === "unknown" && !finding.absent) {
    throw new Failed(
      `${late}, until the reaper makes it good within two minutes: the route $disconnect is missing, or its function was not invoked or failed; ${causeIn(finding, evidence, "disconnect")}.`,
    );
  }
  throw new Failed(
    finding.kind === "none" && finding.silent.length > 0
      ? `${late}, and ${evidence.nameOf("disconnect")} wrote no line, so nobody hears of closed sockets: the API has no route $disconnect, or the route no integration; the reaper makes it good within two minutes, but ${deployAgain}.`
      : `${late}, until the reaper makes it good within two minutes: ${causeIn(finding, evidence, "disconnect")}.`,
  );
};

export const endsSession: Check = {
  name: "the speaker ends the session, and everybody hears of it",
  needs: [joinsSession],
  run: async (scene) => {
    const speaker = present(scene.speaker);
    const listener = await join(scene, "fr");
    await step(speaker.visitor.ask({ action: "endSession" }, "sessionEnded"), (symptom) =>
      symptom.kind === "silence"
        ? unheard(scene, "the speaker")
        : frameSentence(symptom, { what: "endSession", evidence: scene.evidence, ...defaultRoute }),
    );
    await step(listener.visitor.next("sessionEnded"), () => unheard(scene, "a listener"));
    await closed(scene, speaker.visitor, "speaker");
    await closed(scene, listener.visitor, "listener");
    const told = "sessionEnded to the speaker and a listener, both closed with 1000";
    try {
      await nothingLeft(scene, [speaker.frame.connectionId, listener.connectionId]);
      return `${told}, rows gone`;
    } catch (error) {
      if (!(error instanceof Skip)) throw error;
      return `${told}; no row was looked at: ${error.message}`;
    }
  },
};

const unheard = ({ evidence, subject }: Scene, who: string): Promise<string> =>
  missingFrame(
    { what: `No sessionEnded came to ${who} within ${asDuration(subject.limitMs)} of endSession`, evidence },
    { table: "Sessions", key: "announce" },
  );

const closed = async ({ evidence }: Scene, visitor: Visitor, who: string): Promise<void> => {
  const code = await step(
    visitor.closed(),
    async () =>
      `The ${who}'s socket was not closed after sessionEnded: ${await cause(evidence, "announce")}.`,
  );
  if (code === 1000) return;
  throw new Failed(
    `The ${who}'s socket was closed with ${code} and not with 1000 after sessionEnded, so not by the stage: verify again over a network that keeps connections.`,
  );
};

/** @throws {Failed} while a row of the session's connections is there, or the session active */
const nothingLeft = async (scene: Scene, connectionIds: readonly string[]): Promise<void> => {
  const { evidence, subject } = scene;
  const { sessionId } = present(scene.speaker).frame;
  const left = async () => {
    for (const connectionId of connectionIds) {
      if (!(await isGone(scene, connectionId))) return "a connection's row is still there";
    }
    const { isActive, listenerCount } = await sessionRow(scene, sessionId);
    if (isActive) return "its row is still active";
    return listenerCount === 0 ? undefined : `listenerCount is ${listenerCount}`;
  };
  if (await eventually(subject.limitMs, async () => (await left()) === undefined)) return;
  throw new Failed(
    `${asDuration(subject.limitMs)} after the session's end ${await left()}: ${await cause(evidence, "announce", "disconnect")}.`,
  );
};

const isGone = async (scene: Scene, connectionId: string): Promise<boolean> =>
  (await rowIn(scene, "Connections", connectionId)) === undefined;
