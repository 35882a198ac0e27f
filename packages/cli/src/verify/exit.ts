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
  by: ["Disconnect"],
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
    await step(scene, { what: "A listener's socket", by: ["Disconnect"] }, visitor.leave());
    const uncounted = async (countIn: () => Promise<{ readonly listenerCount: number }>) => {
      await soon(scene, leaving, "is still counted", async () => (await countIn()).listenerCount === 0);
      return `listenerCount 0, after ${asDuration(performance.now() - begun)}`;
    };
    try {
      await soon(scene, leaving, "still has its row", () => isGone(scene, connectionId));
      return `row gone, ${await uncounted(() => sessionRow(scene, sessionId))}`;
    } catch (error) {
      const why = unseen(error);
      // Without credentials the speaker can still ask for the count.
      return `${await uncounted(() => statusOf(scene))}; ${why}`;
    }
  },
};

export const endsSession: Check = {
  name: "the speaker ends the session, and everybody hears of it",
  needs: [joinsSession],
  run: async (scene) => {
    const speaker = present(scene.speaker);
    const listener = await join(scene, "fr");
    const heard = (who: string): Step => ({
      what: `After endSession ${who}`,
      by: ["Announce", "Default"],
      stream: "Announce",
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
      return `${seen}; ${unseen(error)}`;
    }
  },
};

/** @throws the error, unless it only says that rows cannot be looked at */
const unseen = (error: unknown): string => {
  if (error instanceof Skip) return `no row was looked at: ${error.message}`;
  throw error;
};

/** @throws {Failed} while one of the session's connections has a row, or the session is active */
const nothingLeft = (scene: Scene, connectionIds: readonly string[]): Promise<void> => {
  const { sessionId } = present(scene.speaker).frame;
  const about: Step = {
    what: "A session that was ended",
    by: ["Announce", "Disconnect"],
    likely: { late: `one of the functions was not invoked; ${again}` },
  };
  return soon(scene, about, "is still active, counts a listener or has a connection's row", async () => {
    for (const connectionId of connectionIds) if (!(await isGone(scene, connectionId))) return false;
    const { isActive, listenerCount } = await sessionRow(scene, sessionId);
    return !isActive && listenerCount === 0;
  });
};

/** @throws {Failed} unless it is so in time */
const soon = (scene: Scene, about: Step, still: string, isSo: () => Promise<boolean>): Promise<void> => {
  const { limitMs } = scene.subject;
  const waiting = eventually(limitMs, isSo).then((agreed) => {
    if (!agreed) throw new Trouble("late", `${still} after ${asDuration(limitMs)}`);
  });
  return step(scene, about, waiting);
};

const isGone = async (scene: Scene, connectionId: string): Promise<boolean> =>
  (await rowIn(scene, "Connections", connectionId)) === undefined;
