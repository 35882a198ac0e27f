import type { FrameOf } from "@lectern/protocol";
import { asDuration } from "../statistic.js";
import { type Check, present, type Scene } from "./check.js";
import { frameSentence } from "./diagnosis.js";
import { createsSession, joinsSession } from "./entrance.js";
import { eventually } from "./rows.js";
import { runbook, sections } from "./section.js";
import { Failed, step, symptomOf, Trouble } from "./trouble.js";
import type { Visitor } from "./visitor.js";

const heartbeatTargetMs = 100;

export const acknowledgesHeartbeats: Check = {
  name: "a heartbeat is acknowledged",
  needs: [createsSession],
  run: async (scene) => {
    const { speaker, listener, evidence, subject } = scene;
    const { visitor } = present(speaker);
    // Two in a burst are what a connection may; where the listener is to be refreshed, one of its is kept for that.
    const others = listener ? [listener.visitor, ...(willRefresh(scene) ? [] : [listener.visitor])] : [];
    const times = await step(beats([visitor, visitor, ...others]), (symptom) =>
      frameSentence(symptom, { what: "The heartbeat", evidence, route: "heartbeat", key: "heartbeat" }),
    );
    const wayMs = await subject.roundTrip();
    const best = Math.min(...times);
    const seen = `after ${asDuration(best)}, the best of ${times.length}; ${asDuration(wayMs)} of that is the way`;
    // The client's clock has the way there and back in it, which no stage can shorten.
    const tookMs = Math.max(0, best - wayMs);
    if (tookMs <= heartbeatTargetMs) return seen;
    throw new Failed(
      `The heartbeat was acknowledged ${seen}, so the stage took ${asDuration(tookMs)}, longer than its ${heartbeatTargetMs} ms: after a deployment that is cold starts, so verify again; else look at the duration of ${evidence.nameOf("heartbeat")} (${runbook("heartbeat")}).`,
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
      `The status shows ${seen}, and not one listener in es: the index is behind, or the count has drifted (${sections.drift}); verify again.`,
    );
  },
};

export const answersUnknownFrames: Check = {
  name: "an unknown frame is answered with an error",
  needs: [createsSession],
  run: async (scene) => {
    const about = { what: "An unknown frame", evidence: scene.evidence, ...defaultRoute };
    const { code, status } = await step(unknownFrame(present(scene.speaker).visitor), (symptom) =>
      frameSentence(symptom, about),
    );
    return `${status} ${code}`;
  },
};

const unknownFrame = async (visitor: Visitor): Promise<FrameOf<"error">> => {
  const frame = await visitor.refusal({ action: "verify" });
  if (frame.code !== "INVALID_ACTION") throw new Trouble({ kind: "error", frame });
  return frame;
};

/** The session's status, as its speaker is told it. */
export const statusOf = (scene: Scene): Promise<FrameOf<"sessionStatus">> =>
  step(present(scene.speaker).visitor.ask({ action: "getSessionStatus" }, "sessionStatus"), (symptom) =>
    frameSentence(symptom, { what: "getSessionStatus", evidence: scene.evidence, ...defaultRoute }),
  );

/** Takes every frame without a route of its own. */
export const defaultRoute = { route: "$default", key: "fallback" } as const;

/** Whether the stage asks connections to refresh soon enough to be waited for. */
export const willRefresh = ({ subject }: Scene): boolean => (subject.refreshMinutes ?? 1) < 1;

/** How long each heartbeat took (ms); one that met its connection's limit is left out, if it was not the first. */
const beats = async (visitors: readonly Visitor[]): Promise<number[]> => {
  const times: number[] = [];
  for (const visitor of visitors) {
    const begun = performance.now();
    try {
      await visitor.ask({ action: "heartbeat" }, "heartbeatAck");
    } catch (error) {
      const symptom = symptomOf(error);
      const limited = symptom?.kind === "error" && symptom.frame.code === "RATE_LIMIT_EXCEEDED";
      if (!limited || times.length === 0) throw error;
      continue;
    }
    times.push(performance.now() - begun);
  }
  return times;
};
