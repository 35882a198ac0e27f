import { asDuration } from "../statistic.js";
import { Trouble } from "../visitor.js";
import { eventually } from "../within.js";
import { again, type Step } from "./cause.js";
import { type Check, present, type Scene, Skip, step } from "./check.js";
import { closedByStage, statusOf } from "./frames.js";
import { join, joinsSession } from "./handshake.js";
import { rowIn, sessionRow } from "./rows.js";

const leaving: Step = {
  what: "A listener left, and its connection",
  by: ["disconnect-handler"],
  likely: {
    late: `the API has no route $disconnect, or its function was not invoked; the reaper makes it good within two minutes, but ${again}`,
  },
};

export const forgetsLeavers: Check = {
  name: "a listener leaves, and is counted no more",
  needs: [joinsSession],
  run: async (scene) => {
    const { visitor, connectionId } = present(scene.listener);
    const { sessionId } = present(scene.speaker).frame;
    const begun = performance.now();
    await step(scene, { what: "A listener's socket", by: ["disconnect-handler"] }, visitor.leave());
    const after = () => `after ${asDuration(performance.now() - begun)}`;
    try {
      await step(
        scene,
        leaving,
        soon(scene, "still has its row", () => isGone(scene, connectionId)),
      );
      const isFree = async () => (await sessionRow(scene, sessionId)).listenerCount === 0;
      await step(scene, leaving, soon(scene, "is still counted", isFree));
      return `row gone, listenerCount 0, ${after()}`;
    } catch (error) {
      if (!(error instanceof Skip)) throw error;
      // Without credentials the count can be seen by asking for it.
      const isFree = async () => (await statusOf(scene)).listenerCount === 0;
      await step(scene, leaving, soon(scene, "is still counted", isFree));
      return `listenerCount 0, ${after()}; no row was looked at: ${error.message}`;
    }
  },
};

/** @throws {Trouble} `late`, unless it is so in time */
const soon = async ({ subject }: Scene, still: string, isSo: () => Promise<boolean>): Promise<void> => {
  if (await eventually(subject.limitMs, isSo)) return;
  throw new Trouble("late", `${still} after ${asDuration(subject.limitMs)}`);
};

export const endsSession: Check = {
  name: "the speaker ends the session, and everybody hears of it",
  needs: [joinsSession],
  run: async (scene) => {
    const speaker = present(scene.speaker);
    const listener = await join(scene, "fr");
    const heard = (who: string): Step => ({
      what: `After endSession ${who}`,
      by: ["announce", "default-handler"],
      stream: "Sessions",
    });
    const ended = speaker.visitor.ask({ action: "endSession" }, "sessionEnded");
    await step(scene, heard("the speaker"), ended);
    await step(scene, heard("a listener"), listener.visitor.next("sessionEnded"));
    await closedByStage(scene, heard("the speaker's socket"), speaker.visitor);
    await closedByStage(scene, heard("a listener's socket"), listener.visitor);
    const seen = "sessionEnded to the speaker and a listener, both closed with 1000";
    try {
      await nothingLeft(scene, [speaker.frame.connectionId, listener.connectionId]);
      return `${seen}, rows gone`;
    } catch (error) {
      if (!(error instanceof Skip)) throw error;
      return `${seen}; no row was looked at: ${error.message}`;
    }
  },
};

/** @throws {Failed} while one of the session's connections has a row, or the session is active */
const nothingLeft = async (scene: Scene, connectionIds: readonly string[]): Promise<void> => {
  const { sessionId } = present(scene.speaker).frame;
  const isOver = async () => {
    for (const connectionId of connectionIds) if (!(await isGone(scene, connectionId))) return false;
    const { isActive, listenerCount } = await sessionRow(scene, sessionId);
    return !isActive && listenerCount === 0;
  };
  const about: Step = {
    what: "A session that was ended",
    by: ["announce", "disconnect-handler"],
    likely: { late: `one of the functions was not invoked; ${again}` },
  };
  await step(
    scene,
    about,
    soon(scene, "is still active, counts a listener or has a connection's row", isOver),
  );
};

const isGone = async (scene: Scene, connectionId: string): Promise<boolean> =>
  (await rowIn(scene, "Connections", connectionId)) === undefined;
