import type { FrameOf } from "@lectern/protocol";
import { asDuration } from "../statistic.js";
import type { Visitor } from "../visitor.js";
import { again, pages, type Step } from "./cause.js";
import {
  admitted,
  type Check,
  Failed,
  present,
  type Query,
  refusal,
  refused,
  type Scene,
  step,
  withinLimits,
} from "./check.js";
import { forged, tokenProblem } from "./token.js";

const handshake = (what: string, causes: Pick<Step, "likely" | "certain"> = {}): Step => ({
  what,
  by: ["Authorizer", "Connect"],
  ...causes,
});

const noAuthorizer = `the route $connect has no authorizer; ${again}`;

const unsigned = `the token is not signed by the stage's user pool (a local stack takes its own checkout's), or ${noAuthorizer}`;

/** An id in the right form whose words are in no list. */
const wrongJoin: Query = { action: "joinSession", sessionId: "nobody-here-404", targetLanguage: "es" };

export const answers: Check = {
  name: "the endpoint answers a WebSocket handshake",
  needs: [],
  run: async (scene) => {
    const about = handshake(`A handshake at ${scene.subject.url} with an unknown action`);
    await step(scene, about, refused(scene, { action: "verify" }, 400));
    return "an unknown action is refused with 400";
  },
};

export const refusesBadTokens: Check = {
  name: "a bad token is refused with 401",
  needs: [answers],
  run: async (scene) => {
    // As a listener: behind the authorizer a speaker is asked for a token a second time.
    const query = { ...wrongJoin, token: forged(scene.subject.token) };
    // A listener is let in as anonymous while no token can be checked, and then refused for the wrong id.
    const about = handshake("A listener's handshake with a forged token", {
      likely: { "404": noAuthorizer },
    });
    await step(scene, about, refused(scene, query, 401));
    return "a forged signature is refused with 401";
  },
};

export const createsSession: Check = {
  name: "a speaker creates a session",
  needs: [answers],
  run: async (scene) => {
    const { token } = scene.subject;
    // On a shared network joins are not limited by address: the run may be repeated several times a minute.
    const query = { action: "createSession", sourceLanguage: "en", sharedNetwork: "true", token };
    const problem = tokenProblem(scene.subject);
    const about = handshake("Creating a session", {
      likely: { "401": unsigned },
      certain: problem ? { "401": problem } : {},
    });
    const visitor = await step(scene, about, admitted(scene, query));
    scene.speaking = visitor;
    const { frame, seen } = await welcomed(scene, visitor, "sessionCreated", 2_000);
    scene.speaker = { visitor, frame };
    return `${frame.sessionId} ${seen}`;
  },
};

export const joinsSession: Check = {
  name: "a listener joins without a token",
  needs: [createsSession],
  run: async (scene) => {
    const { seen, ...listener } = await join(scene, "es");
    scene.listener = listener;
    return `in es ${seen}`;
  },
};

export const refusesWrongIds: Check = {
  name: "a wrong session id is refused with 404, readably where asked",
  needs: [answers],
  run: async (scene) => {
    const what = "A handshake with a wrong session id";
    const refusing = withinLimits(scene, () => refused(scene, wrongJoin, 404));
    await step(scene, handshake(what), refusing);
    const asking = withinLimits(scene, async () => {
      const visitor = await admitted(scene, { ...wrongJoin, errors: "frame" });
      await refusal(visitor, "SESSION_NOT_FOUND");
      return visitor;
    });
    const asked: Step = {
      what: `${what} that asked for a frame`,
      by: ["Welcome", "Connect"],
      stream: "Welcome",
    };
    const visitor = await step(scene, asked, asking);
    await step(scene, { what: `${what} got its frame, but`, by: ["Welcome"] }, visitor.closed());
    return "404, and SESSION_NOT_FOUND as a frame";
  },
};

/** Lets a listener into the session, and waits for the welcome. */
export const join = async (scene: Scene, targetLanguage: string) => {
  const { sessionId } = present(scene.speaker).frame;
  const query = { action: "joinSession", sessionId, targetLanguage };
  const joining = withinLimits(scene, () => admitted(scene, query));
  const visitor = await step(scene, handshake("Joining"), joining);
  const { frame, seen } = await welcomed(scene, visitor, "sessionJoined", 1_000);
  return { visitor, connectionId: frame.connectionId, seen };
};

/** Takes a connection's place with its ticket; resolves once the new connection is let in. */
export const refreshed = (scene: Scene, ticket: string): Promise<Visitor> => {
  const { sessionId } = present(scene.speaker).frame;
  const query = { action: "refreshConnection", role: "listener", sessionId, targetLanguage: "es", ticket };
  return step(scene, handshake("Refreshing a connection"), admitted(scene, query));
};

type Welcome = "sessionCreated" | "sessionJoined" | "connectionRefreshComplete";

/**
 * Waits for a welcome; `seen` says how long it took since the handshake began. A welcome that is later than its target is
 * only mentioned; one that comes after clients have given up fails.
 */
export const welcomed = async <Type extends Welcome>(
  scene: Scene,
  visitor: Visitor,
  type: Type,
  targetMs: number,
): Promise<{ readonly frame: FrameOf<Type>; readonly seen: string }> => {
  const about: Step = {
    what: "A connection that was let in",
    by: ["Welcome", "Connect"],
    stream: "Welcome",
  };
  const frame = await step(scene, about, visitor.next(type));
  const tookMs = performance.now() - visitor.knockedAt;
  const { limitMs } = scene.subject;
  if (tookMs > limitMs) {
    throw new Failed(
      `${type} came after ${asDuration(tookMs)}, and clients give up after ${asDuration(limitMs)}: functions start cold after a deployment, so verify again (${pages.slowCreation}).`,
    );
  }
  const late = `, later than the target of ${asDuration(targetMs)}: a cold start may be, a second run is not`;
  return { frame, seen: `after ${asDuration(tookMs)}${tookMs > targetMs ? late : ""}` };
};
