import type { ErrorCode, FrameOf } from "@lectern/protocol";
import { asDuration } from "../statistic.js";
import { type Check, present, type Scene } from "./check.js";
import {
  cause,
  deployAgain,
  frameSentence,
  handshakeSentence,
  keysSentence,
  missingFrame,
  type Refusable,
} from "./diagnosis.js";
import { claimsOf, forged } from "./jwt.js";
import { sections } from "./section.js";
import { Failed, type Symptom, step, symptomOf, Trouble } from "./trouble.js";
import { askWhy, enter, type Visitor } from "./visitor.js";

type Query = Readonly<Record<string, string>>;

/** An id in the right form whose words are in no list. */
const wrongJoin: Query = { action: "joinSession", sessionId: "nobody-here-404", targetLanguage: "es" };

export const answers: Check = {
  name: "the endpoint answers a WebSocket handshake",
  needs: [],
  run: async (scene) => {
    await step(refused(scene, { action: "verify" }, 400), (symptom) =>
      symptom.kind === "let-in"
        ? `A handshake with an unknown action was let in, so nobody is asked: the API has no route $connect, or the route no integration; ${deployAgain}.`
        : handshakeSentence(symptom, aboutHandshake(scene, "A handshake")),
    );
    return "an unknown action is refused with 400";
  },
};

export const refusesBadTokens: Check = {
  name: "a bad token is refused with 401",
  needs: [answers],
  run: async (scene) => {
    // As a listener: that a speaker needs a good token is asked a second time behind the authorizer.
    const query = { ...wrongJoin, token: forged(scene.subject.token) };
    await step(refused(scene, query, 401), async (symptom) => {
      if (symptom.kind !== "refused" || symptom.status !== 404) {
        return handshakeSentence(symptom, aboutHandshake(scene, "A handshake with a forged token"));
      }
      const taken =
        "A token with a forged signature was taken for none, and its handshake refused with 404 for the session instead";
      // Listeners are let in while no token can be checked.
      return (await scene.evidence.refusedToken()) === "SERVICE_UNAVAILABLE"
        ? `${taken}: ${keysSentence(scene.evidence)}.`
        : `${taken}: the route $connect has no authorizer; ${deployAgain}.`;
    });
    return "a forged signature is refused with 401";
  },
};

export const createsSession: Check = {
  name: "a speaker creates a session",
  needs: [answers],
  run: async (scene) => {
    const { subject } = scene;
    const { token } = subject;
    // On a shared network joins are not limited by address: the run may be repeated several times a minute.
    const query = { action: "createSession", sourceLanguage: "en", sharedNetwork: "true", token };
    const facts = { claims: claimsOf(token), now: subject.now(), pool: subject.pool };
    const visitor = await step(admitted(scene, query), (symptom) =>
      handshakeSentence(symptom, { ...aboutHandshake(scene, "Creating a session"), token: facts }),
    );
    scene.speaking = visitor;
    const probe = () => visitor.ask({ action: "getSessionStatus" }, "sessionStatus");
    const { frame, tookMs } = await welcomed(scene, visitor, "sessionCreated", probe);
    scene.speaker = { visitor, frame };
    return `${frame.sessionId} ${punctually(tookMs, 2_000)}`;
  },
};

export const joinsSession: Check = {
  name: "a listener joins without a token",
  needs: [createsSession],
  run: async (scene) => {
    const { tookMs, ...listener } = await join(scene, "es");
    scene.listener = listener;
    return `in es ${punctually(tookMs, 1_000)}`;
  },
};

export const refusesWrongIds: Check = {
  name: "a wrong session id is refused with 404, readably where asked",
  needs: [answers],
  run: async (scene) => {
    const what = "A handshake with a wrong session id";
    await step(
      patiently(scene, wrongJoin, () => refused(scene, wrongJoin, 404)),
      (symptom) => handshakeSentence(symptom, aboutHandshake(scene, what)),
    );
    const visitor = await step(
      patiently(scene, wrongJoin, () => refusedReadably(scene, wrongJoin, "SESSION_NOT_FOUND")),
      (symptom) => readablySentence(symptom, aboutHandshake(scene, what)),
    );
    await step(
      visitor.closed(),
      async () =>
        `${what} got its refusal as a frame, but was not closed: ${await cause(scene.evidence, "welcome")}.`,
    );
    return "404, and SESSION_NOT_FOUND as a frame";
  },
};

/** Lets a listener into the session, and waits for the welcome; `tookMs` is from the handshake's begin to that. */
export const join = async (scene: Scene, targetLanguage: string) => {
  const { sessionId } = present(scene.speaker).frame;
  const query = { action: "joinSession", sessionId, targetLanguage };
  const visitor = await step(
    patiently(scene, query, () => admitted(scene, query)),
    (symptom) => handshakeSentence(symptom, aboutHandshake(scene, "Joining")),
  );
  const { frame, tookMs } = await welcomed(scene, visitor, "sessionJoined", () =>
    confirm(visitor, sessionId),
  );
  return { visitor, connectionId: frame.connectionId, tookMs };
};

/** Asks a connection whether it is in place: only its row makes the answer good. */
export const confirm = (visitor: Visitor, sessionId: string): Promise<FrameOf<"connectionRefreshComplete">> =>
  visitor.ask({ action: "refreshConnection", sessionId }, "connectionRefreshComplete");

/** How late a welcome may be (ms): later than its target it is told, later than this it fails. */
const latestMs = 5_000;

type Welcome = "sessionCreated" | "sessionJoined" | "connectionRefreshComplete";

/**
 * Waits for a welcome.
 * @param probe asks what only the connection's row makes possible, to find out where a missing welcome was lost
 */
export const welcomed = async <Type extends Welcome>(
  { evidence }: Pick<Scene, "evidence">,
  visitor: Visitor,
  type: Type,
  probe: () => Promise<unknown>,
): Promise<{ readonly frame: FrameOf<Type>; readonly tookMs: number }> => {
  const frame = await step(visitor.next(type), async (symptom) => {
    if (symptom.kind !== "silence") {
      return frameSentence(symptom, { what: "A handshake", evidence, route: "$connect", key: "connect" });
    }
    const missing = `No ${type} came within ${asDuration(symptom.limitMs)} of the handshake`;
    const row = await probe().then(() => "there", whetherRow);
    if (row === "missing") {
      return `${missing}, and the connection has no row: ${await cause(evidence, "connect")}.`;
    }
    const what = row === "there" ? `${missing}, though the connection's row is there` : missing;
    return missingFrame({ what, evidence }, { table: "Connections", key: "welcome" });
  });
  const tookMs = performance.now() - visitor.knockedAt;
  if (tookMs <= latestMs) return { frame, tookMs };
  throw new Failed(
    `${type} came after ${asDuration(tookMs)}, and a client gives up after ${asDuration(latestMs)}: after a deployment that is cold starts, so verify again; else see ${sections.slowCreation}.`,
  );
};

const whetherRow = (error: unknown): "missing" | "unknown" => {
  const symptom = symptomOf(error);
  return symptom?.kind === "error" && symptom.frame.code === "FORBIDDEN" ? "missing" : "unknown";
};

/** What a handshake's sentence is about. */
export const aboutHandshake = ({ evidence, subject }: Scene, what: string): Refusable => ({
  what,
  evidence,
  url: subject.url,
});

const readablySentence = async (symptom: Symptom, about: Refusable): Promise<string> => {
  const { what, evidence } = about;
  if (symptom.kind === "silence") {
    const missing = `${what} asked to be refused by a frame, and none came`;
    return missingFrame({ what: missing, evidence }, { table: "Connections", key: "welcome" });
  }
  if (symptom.kind === "error") {
    const { code, message } = symptom.frame;
    return `${what} was refused with ${code} (${message}), not with SESSION_NOT_FOUND: ${await cause(evidence, "connect")}.`;
  }
  return handshakeSentence(symptom, about);
};

/** @throws {Trouble} unless the handshake is refused with this status */
const refused = async ({ door }: Scene, query: Query, expected: number): Promise<void> => {
  const entering = enter(door, query).then((visitor) => visitor.cut());
  const symptom = await entering.then(() => ({ kind: "let-in" }) as const, symptomOfRefusal);
  if (symptom.kind === "let-in" || symptom.status !== expected) throw new Trouble(symptom);
};

const symptomOfRefusal = (error: unknown): Extract<Symptom, { kind: "refused" }> => {
  const symptom = symptomOf(error);
  if (symptom?.kind !== "refused") throw error;
  return symptom;
};

/** @throws {Trouble} unless a frame with this code comes */
const refusedReadably = async ({ door }: Scene, query: Query, expected: ErrorCode): Promise<Visitor> => {
  const visitor = await enter(door, { ...query, errors: "frame" });
  const frame = await visitor.refusal();
  if (frame.code !== expected) throw new Trouble({ kind: "error", frame });
  return visitor;
};

/** Somebody who ought to be let in; where not, the reason is asked for. */
export const admitted = async ({ door }: Scene, query: Query): Promise<Visitor> => {
  try {
    return await enter(door, query);
  } catch (error) {
    const symptom = symptomOf(error);
    // Only the app's own refusals have a reason to tell.
    if (symptom?.kind !== "refused" || ![400, 403, 429, 503].includes(symptom.status)) throw error;
    throw new Trouble({ ...symptom, reason: await askWhy(door, query) });
  }
};

/** What this address has used up comes back soon: that is waited for, once. */
const patiently = async <Result>(scene: Scene, query: Query, act: () => Promise<Result>): Promise<Result> => {
  const limited = async (error: unknown): Promise<FrameOf<"error">> => {
    const limit = await limitIn(error, scene, query);
    if (limit) return limit;
    throw error;
  };
  const given = (reason: FrameOf<"error">) => new Trouble({ kind: "refused", status: reason.status, reason });
  try {
    return await act();
  } catch (error) {
    const limit = await limited(error);
    const { details, retryAfter = Number.POSITIVE_INFINITY } = limit;
    if (retryAfter > longestPauseSeconds) throw given(limit);
    scene.subject.say(`This address has met its limit of ${details?.limit}: waiting ${retryAfter} s`);
    await scene.subject.pause(retryAfter * 1_000);
    return act().catch(async (again: unknown) => {
      throw given(await limited(again));
    });
  }
};

const longestPauseSeconds = 15;

/** The refusal of an address that has met a limit, in the app's own words. */
const limitIn = async (
  error: unknown,
  { door }: Scene,
  query: Query,
): Promise<FrameOf<"error"> | undefined> => {
  const symptom = symptomOf(error);
  if (symptom?.kind === "error") return limitOnly(symptom.frame);
  if (symptom?.kind !== "refused" || symptom.status !== 429) return undefined;
  return limitOnly(symptom.reason ?? (await askWhy(door, query)));
};

const limitOnly = (frame: FrameOf<"error"> | undefined): FrameOf<"error"> | undefined =>
  frame?.code === "RATE_LIMIT_EXCEEDED" ? frame : undefined;

/** `after 312 ms`, and how that stands to its target where it is later. */
const punctually = (tookMs: number, targetMs: number): string => {
  const after = `after ${asDuration(tookMs)}`;
  return tookMs <= targetMs
    ? after
    : `${after}, later than the target of ${asDuration(targetMs)}: a cold start may be, a second run is not`;
};
