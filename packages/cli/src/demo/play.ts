import { setTimeout as pause } from "node:timers/promises";
import { limits } from "@lectern/protocol";
import { Trouble, type Visitor } from "../visitor.js";
import { eventually } from "../within.js";
import { type Cast, createCast, type Latencies } from "./cast.js";
import { listeners as describeListeners } from "./frame-line.js";
import type { Narrator } from "./narrator.js";
import { Broken, createPromises, type Kept } from "./promise.js";

const languages = ["es", "fr", "ja"] as const;

export interface PlayOptions {
  readonly url: string;
  readonly token: string;
  /** Listeners in each language. */
  readonly listeners: number;
  readonly narrator: Narrator;
  /** The pause before each scene (ms). */
  readonly restMs?: number;
  /** The longest wait (ms): after it the promise counts as broken. */
  readonly limitMs?: number;
  /** Called with a function that cuts every socket, for a play that is interrupted. */
  readonly onBegin?: (disperse: () => Promise<void>) => void;
}

export interface Played {
  readonly sessionId: string | undefined;
  readonly promises: readonly Kept[];
  readonly latencies: Latencies;
  /** The first promise that was broken, as a sentence. */
  readonly broken: string | undefined;
}

/** Plays one short session as its speaker and its listeners, until its end or a broken promise. */
export const play = async (options: PlayOptions): Promise<Played> => {
  const limitMs = options.limitMs ?? limits.welcomeMs;
  const cast = createCast({ ...options, limitMs });
  options.onBegin?.(cast.disperse);
  const { all: promises, keep } = createPromises();
  let sessionId: string | undefined;
  let broken: string | undefined;
  const onSession = (id: string) => {
    sessionId = id;
  };
  try {
    await perform({ ...options, limitMs, cast, keep, onSession });
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    broken = error.message;
  } finally {
    await cast.disperse();
  }
  return { sessionId, promises, latencies: cast.latencies, broken };
};

interface Stage extends PlayOptions {
  readonly limitMs: number;
  readonly cast: Cast;
  readonly keep: ReturnType<typeof createPromises>["keep"];
  readonly onSession: (sessionId: string) => void;
}

/**
 * Plays the scenes in their order.
 * @throws {Broken} at the first promise that is not kept
 */
const perform = async (stage: Stage): Promise<void> => {
  const { cast, keep, token, narrator, restMs = 0 } = stage;
  const scene = async (title: string) => {
    if (restMs > 0) await pause(restMs);
    narrator.scene(title);
  };

  await scene("A speaker opens a session");
  // The listeners of a demo share an address, as those in a hall do.
  const creating = { action: "createSession", sourceLanguage: "en", sharedNetwork: "true", token };
  const opened = await keep(
    "the speaker gets a session",
    () => cast.welcomed("speaker", "sessionCreated", creating),
    (created) => created.sessionId,
  );
  const { sessionId } = opened;
  stage.onSession(sessionId);

  await scene("Listeners join by its id, each for a language");
  let audience = await keep(
    "every listener is welcomed",
    () => join(stage, sessionId),
    (welcomes) => `${welcomes.length} welcomes`,
  );
  await keepStatus(stage, "the status shows everybody, by language", opened.participant, audience);

  await scene("Heartbeats keep the connections");
  const firsts = languages.flatMap((wanted) => audience.find(({ language }) => language === wanted) ?? []);
  // Two each: that is the burst that the limit allows.
  const beats = [opened.participant, ...firsts, opened.participant, ...firsts];
  await keep("every heartbeat is acknowledged", async () => {
    for (const participant of beats) await cast.beat(participant);
    return `${beats.length} acks`;
  });

  await scene("A listener leaves");
  const leaver = firsts.find(({ language }) => language === "fr");
  await keep("a listener may leave", async () => leaver?.leave());
  audience = audience.filter((listener) => listener !== leaver);
  await keepStatus(stage, "who has left is not counted any more", opened.participant, audience);

  await scene("The speaker's connection is lost, and the session survives it");
  const everyone = (type: "speakerReconnecting" | "speakerReconnected") =>
    Promise.all(audience.map((listener) => listener.next(type)));
  await opened.participant.cut();
  await keep("the listeners hear that the speaker is away", () => everyone("speakerReconnecting"));
  const { participant: speaker } = await keep("a lost speaker comes back by refreshConnection", () =>
    cast.welcomed("speaker", "connectionRefreshComplete", {
      action: "refreshConnection",
      role: "speaker",
      sessionId,
      token,
    }),
  );
  await keep("the listeners hear that the speaker is back", () => everyone("speakerReconnected"));

  await scene("Somebody misheard the id, and asked for refusals that can be read");
  const joining = (id: string) => ({ action: "joinSession", sessionId: id, targetLanguage: "es" });
  await keep("a wrong id is refused readably", async () => {
    const lost = await cast.come("lost", { ...joining(misheard(sessionId)), errors: "frame" });
    const { code, status } = await lost.refusal();
    if (code !== "SESSION_NOT_FOUND") throw unexpected(`the error was ${code}, not SESSION_NOT_FOUND`);
    await lost.closed();
    return `${status} ${code}`;
  });

  await scene("The speaker ends the session");
  const everybody = [speaker, ...audience];
  await keep("everybody hears the end", async () => {
    const heard = audience.map((listener) => listener.next("sessionEnded"));
    const ended = speaker.ask({ action: "endSession" }, "sessionEnded");
    const [{ reason }] = await Promise.all([ended, ...heard]);
    if (reason !== "ended") throw unexpected(`the reason was ${reason}, not ended`);
    return `${everybody.length} times sessionEnded`;
  });
  await keep("everybody's socket is closed", async () => {
    const codes = await Promise.all(everybody.map((participant) => participant.closed()));
    const other = codes.find((code) => code !== 1000);
    if (other) throw unexpected(`one was closed with ${other}, not 1000`);
    return `${codes.length} times 1000`;
  });
  await keep("who comes too late is refused with 404", async () => {
    const answer = await cast.come("late", joining(sessionId)).then(
      () => "let in",
      (error: unknown) => {
        if (error instanceof Trouble) return error.sign;
        throw error;
      },
    );
    narrator.notes("late", `handshake: ${answer}`);
    if (answer !== "404") throw unexpected(`the handshake's answer was ${answer}, not 404`);
    return `handshake ${answer}`;
  });
};

interface Listener extends Visitor {
  readonly language: string;
}

const join = async ({ cast, listeners }: Stage, sessionId: string): Promise<Listener[]> => {
  const audience: Listener[] = [];
  for (const language of languages) {
    for (let index = 1; index <= listeners; index += 1) {
      const name = listeners === 1 ? language : `${language} ${index}`;
      const query = { action: "joinSession", sessionId, targetLanguage: language };
      const { participant } = await cast.welcomed(name, "sessionJoined", query);
      audience.push({ ...participant, language });
    }
  }
  return audience;
};

/** Asks for the status until it shows exactly these listeners: the count and the index follow a moment later. */
const keepStatus = async (
  { keep, limitMs }: Stage,
  promise: string,
  speaker: Visitor,
  audience: readonly Listener[],
): Promise<void> => {
  const distribution: Record<string, number> = {};
  for (const { language } of audience) distribution[language] = (distribution[language] ?? 0) + 1;
  const expected = describeListeners(audience.length, distribution);
  await keep(promise, async () => {
    let seen = "";
    const agreed = await eventually(limitMs, async () => {
      const status = await speaker.ask({ action: "getSessionStatus" }, "sessionStatus");
      seen = describeListeners(status.listenerCount, status.languageDistribution);
      return seen === expected;
    });
    if (!agreed) throw unexpected(`it was ${seen}, and not ${expected}`);
    return seen;
  });
};

const unexpected = (message: string): Trouble => new Trouble("unexpected", message);

/** The id with one digit changed. */
const misheard = (sessionId: string): string =>
  sessionId.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
