import type { FrameOf } from "@lectern/protocol";
import { asDuration } from "../statistic.js";
import { Trouble, type Visitor } from "../visitor.js";
import { eventually } from "../within.js";
import { again, pages, type Step } from "./cause.js";
import { type Check, Failed, present, refusal, type Scene, Skip, step } from "./check.js";
import { createsSession, joinsSession, refreshed, welcomed } from "./handshake.js";

const silent = (route: string): NonNullable<Step["likely"]> => ({
  silence: `the route ${route} has no route response, or no permission to invoke its function; ${again}`,
});

const heartbeat: Step = {
  what: "The heartbeat",
  by: ["Heartbeat"],
  likely: silent("heartbeat"),
};

/** A frame that goes to the route $default. */
const byDefault = (what: string): Step => ({
  what,
  by: ["Default"],
  likely: silent("$default"),
});

const heartbeatTargetMs = 100;

export const acknowledgesHeartbeats: Check = {
  name: "a heartbeat is acknowledged",
  needs: [createsSession],
  run: async (scene) => {
    const { speaker, listener, subject } = scene;
    const { visitor } = present(speaker);
    // A connection may send two in a burst; a listener that is to be refreshed keeps one for that.
    const others = listener ? [listener.visitor, ...(willRefresh(scene) ? [] : [listener.visitor])] : [];
    const times = await step(scene, heartbeat, beats([visitor, visitor, ...others]));
    const wayMs = await subject.roundTrip();
    const best = Math.min(...times);
    const seen = `after ${asDuration(best)}, the best of ${times.length}; ${asDuration(wayMs)} of that is the way`;
    const tookMs = Math.max(0, best - wayMs);
    if (tookMs <= heartbeatTargetMs) return seen;
    if (!subject.judgesSpeed) return `${seen}; the target of ${heartbeatTargetMs} ms is not this machine's`;
    throw new Failed(
      `The heartbeat was acknowledged ${seen}, so the stage took ${asDuration(tookMs)}, longer than its ${heartbeatTargetMs} ms: functions start cold after a deployment, so verify again (${pages.errors("Heartbeat")}).`,
    );
  },
};

export const tellsStatus: Check = {
  name: "the speaker sees the session's status",
  needs: [joinsSession],
  run: async (scene) => {
    let seen = "";
    // The count is of the session's row, the languages of an index that follows a moment later.
    const agreed = await eventually(scene.subject.limitMs, async () => {
      const { listenerCount, languageDistribution } = await statusOf(scene);
      seen = `listenerCount ${listenerCount}, languages ${JSON.stringify(languageDistribution)}`;
      return seen === 'listenerCount 1, languages {"es":1}';
    });
    if (agreed) return seen;
    throw new Failed(
      `The status shows ${seen}, and not one listener in es: the index is behind, or the count has drifted; verify again (${pages.drift}).`,
    );
  },
};

/** The session's status, as its speaker sees it. */
export const statusOf = (scene: Scene): Promise<FrameOf<"sessionStatus">> => {
  const asked = present(scene.speaker).visitor.ask({ action: "getSessionStatus" }, "sessionStatus");
  return step(scene, byDefault("getSessionStatus"), asked);
};

export const answersUnknownFrames: Check = {
  name: "an unknown frame is answered with an error",
  needs: [createsSession],
  run: async (scene) => {
    const { visitor } = present(scene.speaker);
    const answer = refusal(visitor, "INVALID_ACTION", { action: "verify" });
    const { code, status } = await step(scene, byDefault("An unknown frame"), answer);
    return `${status} ${code}`;
  },
};

export const refreshesConnections: Check = {
  name: "a connection is refreshed when its time comes",
  needs: [joinsSession],
  run: async (scene) => {
    if (!willRefresh(scene))
      throw new Skip("no stage asks in under a minute unless --refresh-minutes says so");
    const old = present(scene.listener).visitor;
    await untilDue(scene, old);
    await step(scene, heartbeat, old.ask({ action: "heartbeat" }, "heartbeatAck"));
    const asked: Step = {
      what: `A connection that beat ${scene.subject.refreshMinutes} min after its handshake`,
      by: ["Heartbeat"],
      likely: {
        silence: "the stage's connectionRefreshMinutes is more than --refresh-minutes says; correct that",
      },
    };
    const { ticket } = await step(scene, asked, old.next("connectionRefreshRequired"));
    const visitor = await refreshed(scene, ticket);
    const replacing: Step = { what: "The old socket of a refreshed connection", by: ["Welcome"] };
    try {
      const { frame } = await welcomed(scene, visitor, "connectionRefreshComplete", 1_000);
      scene.listener = { visitor, connectionId: frame.connectionId };
      await closedByStage(scene, replacing, old);
      return "asked beside the ack, completed, the old socket closed with 1000";
    } catch (error) {
      // One of the two is the listener that leaves later. The other would still be counted.
      await (scene.listener?.visitor === visitor ? old : visitor).cut();
      throw error;
    }
  },
};

/** @throws {Failed} unless the stage closes the socket */
export const closedByStage = async (scene: Scene, about: Step, visitor: Visitor): Promise<void> => {
  const closing = visitor.closed().then((code) => {
    if (code !== 1000) throw new Trouble("closed", `was closed with ${code}, not 1000`);
  });
  await step(scene, about, closing);
};

/** True if the stage asks for a refresh so soon that the run can wait for it. */
const willRefresh = ({ subject }: Scene): boolean => (subject.refreshMinutes ?? 1) < 1;

/** The stage's clock and this machine's differ. */
const marginMs = 200;

/** A connection is due when the whole setting has passed since its handshake. */
const untilDue = async ({ subject }: Scene, { enteredAt }: Visitor): Promise<void> => {
  const waitMs = enteredAt + (subject.refreshMinutes ?? 0) * 60_000 + marginMs - performance.now();
  if (waitMs <= 0) return;
  subject.say(`Waiting ${Math.ceil(waitMs / 1_000)} s for the connection's time to refresh`);
  await subject.pause(waitMs);
};

/** How long each heartbeat took (ms). One that meets its connection's limit does not count, unless it is the first. */
const beats = async (visitors: readonly Visitor[]): Promise<number[]> => {
  const times: number[] = [];
  for (const visitor of visitors) {
    const begun = performance.now();
    try {
      await visitor.ask({ action: "heartbeat" }, "heartbeatAck");
      times.push(performance.now() - begun);
    } catch (error) {
      const isLimited = error instanceof Trouble && error.sign === "RATE_LIMIT_EXCEEDED";
      if (!isLimited || times.length === 0) throw error;
    }
  }
  return times;
};
