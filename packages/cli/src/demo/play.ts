import { setTimeout as pause } from "node:timers/promises";
import { limits } from "@lectern/protocol";
import { type Client, statusOf } from "../client.js";
import { type Cast, createCast, type Latencies } from "./cast.js";
import { listeners as describeListeners } from "./frame-line.js";
import type { Narrator } from "./narrator.js";
import type { Participant } from "./participant.js";
import { Broken, createPromises, type Kept, type Promises, Unexpected } from "./promise.js";

const languages = ["es", "fr", "ja"] as const;

export interface PlayOptions {
  readonly url: string;
  readonly token: string;
  /** How many in each language. */
  readonly listeners: number;
  readonly narrator: Narrator;
  /** How long the eye may rest between two scenes (ms). */
  readonly restMs?: number;
  /** How long any wait may last before the promise counts as broken (ms). */
  readonly limitMs?: number;
  /** Gets every socket that is opened. */
  readonly onOpen?: (client: Client) => void;
}

export interface Played {
  readonly sessionId: string | undefined;
  readonly promises: readonly Kept[];
  readonly latencies: Latencies;
  /** The first promise that was broken, as a sentence. */
  readonly broken: string | undefined;
}

/** Plays one short session through, as its speaker and its listeners would, until its end or a broken promise. */
export const play = async (options: PlayOptions): Promise<Played> => {
  const limitMs = options.limitMs ?? limits.welcomeMs;
  const cast = createCast({ ...options, limitMs });
  const promises = createPromises();
  const show: Show = { ...options, limitMs, cast, keep: promises.keep };
  let sessionId: string | undefined;
  let broken: string | undefined;
  try {
    const opened = await opening(show);
    sessionId = opened.sessionId;
    const full = await joining(show, opened);
    await beating(show, full);
    const fewer = await leaving(show, full);
    const again = await losing(show, fewer);
    await mishearing(show, again);
    await ending(show, again);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    broken = error.message;
  } finally {
    await cast.disperse();
  }
  return { sessionId, promises: promises.all, latencies: cast.latencies, broken };
};

/** What every scene has at hand. */
interface Show {
  readonly cast: Cast;
  readonly keep: Promises["keep"];
  readonly narrator: Narrator;
  readonly token: string;
  readonly listeners: number;
  readonly limitMs: number;
  readonly restMs?: number;
}

interface Listener extends Participant {
  readonly language: string;
}

/** Who is there between two scenes. */
interface Session {
  readonly sessionId: string;
  readonly speaker: Participant;
  readonly audience: readonly Listener[];
}

const scene = async ({ narrator, restMs = 0 }: Show, title: string): Promise<void> => {
  if (restMs > 0) await pause(restMs);
  narrator.scene(title);
};

const opening = async (show: Show): Promise<Session> => {
  const { cast, keep, token } = show;
  await scene(show, "A speaker opens a session");
  // The listeners of a demo share an address, as those in a hall do.
  const query = { action: "createSession", sourceLanguage: "en", sharedNetwork: "true", token };
  const { participant, sessionId } = await keep(
    "the speaker gets a session",
    () => cast.welcomed("speaker", "sessionCreated", query),
    (created) => created.sessionId,
  );
  return { sessionId, speaker: participant, audience: [] };
};

const joining = async (show: Show, session: Session): Promise<Session> => {
  const { cast, keep, listeners } = show;
  const { sessionId } = session;
  await scene(show, "Listeners join by its id, each for a language");
  const wanted = languages.flatMap((language) =>
    Array.from({ length: listeners }, (_, index) => ({
      language,
      name: listeners === 1 ? language : `${language} ${index + 1}`,
    })),
  );
  const audience = await keep(
    "every listener is welcomed",
    () =>
      oneAfterTheOther(wanted, async ({ language, name }) => {
        const query = { action: "joinSession", sessionId, targetLanguage: language };
        const { participant } = await cast.welcomed(name, "sessionJoined", query);
        return { ...participant, language };
      }),
    (welcomes) => `${welcomes.length} welcomes`,
  );
  const full = { ...session, audience };
  await keepStatus(show, "the status shows everybody, by language", full);
  return full;
};

const beating = async (show: Show, { speaker, audience }: Session): Promise<void> => {
  await scene(show, "Heartbeats keep the connections");
  const firsts = languages.flatMap((wanted) => audience.find(({ language }) => language === wanted) ?? []);
  // Twice each: two in a burst is what the limit allows.
  const beats = [speaker, ...firsts, speaker, ...firsts];
  await show.keep(
    "every heartbeat is acknowledged",
    () => oneAfterTheOther(beats, show.cast.beat),
    (acks) => `${acks.length} acks`,
  );
};

const leaving = async (show: Show, session: Session): Promise<Session> => {
  await scene(show, "A listener leaves");
  const leaver = session.audience.find(({ language }) => language === "fr");
  await show.keep("a listener may leave", () => Promise.resolve(leaver?.leave()));
  const fewer = { ...session, audience: session.audience.filter((listener) => listener !== leaver) };
  await keepStatus(show, "who has left is not counted any more", fewer);
  return fewer;
};

const losing = async (show: Show, session: Session): Promise<Session> => {
  const { cast, keep, token } = show;
  const { sessionId, audience } = session;
  const everyone = (type: "speakerReconnecting" | "speakerReconnected") =>
    Promise.all(audience.map((listener) => listener.next(type)));
  await scene(show, "The speaker's connection is lost, and the session survives it");
  session.speaker.lose();
  await keep("the listeners hear that the speaker is away", () => everyone("speakerReconnecting"));
  const query = { action: "refreshConnection", role: "speaker", sessionId, token };
  const { participant } = await keep("a lost speaker comes back by refreshConnection", () =>
    cast.welcomed("speaker", "connectionRefreshComplete", query),
  );
  await keep("the listeners hear that the speaker is back", () => everyone("speakerReconnected"));
  return { ...session, speaker: participant };
};

const mishearing = async (show: Show, { sessionId }: Session): Promise<void> => {
  await scene(show, "Somebody misheard the id, and asked for refusals that can be read");
  await show.keep(
    "a wrong id is refused readably",
    async () => {
      const lost = await show.cast.come("lost", {
        action: "joinSession",
        sessionId: misheard(sessionId),
        targetLanguage: "es",
        errors: "frame",
      });
      const { code, status } = await lost.next("error");
      if (code !== "SESSION_NOT_FOUND") throw new Unexpected(`the error was ${code}, not SESSION_NOT_FOUND`);
      await lost.closed();
      return `${status} ${code}`;
    },
    (seen) => seen,
  );
};

const ending = async (show: Show, { sessionId, speaker, audience }: Session): Promise<void> => {
  const { cast, keep, narrator } = show;
  await scene(show, "The speaker ends the session");
  const everybody = [speaker, ...audience];
  await keep(
    "everybody hears the end",
    async () => {
      const [{ frame }] = await Promise.all([
        speaker.ask("endSession", "sessionEnded"),
        ...audience.map((listener) => listener.next("sessionEnded")),
      ]);
      if (frame.reason !== "ended") throw new Unexpected(`the reason was ${frame.reason}, not ended`);
      return `${everybody.length} times sessionEnded`;
    },
    (seen) => seen,
  );
  await keep(
    "everybody's socket is closed",
    async () => {
      const closes = await Promise.all(everybody.map((participant) => participant.closed()));
      const other = closes.find(({ code }) => code !== 1000);
      if (other) throw new Unexpected(`one was closed with ${other.code}, not 1000`);
      return `${closes.length} times 1000`;
    },
    (seen) => seen,
  );
  await keep(
    "who comes too late is refused with 404",
    async () => {
      const status = await statusOf(
        cast.come("late", { action: "joinSession", sessionId, targetLanguage: "es" }),
      );
      narrator.notes("late", status === 101 ? "let in" : `handshake refused, ${status}`);
      if (status !== 404)
        throw new Unexpected(status === 101 ? "the handshake was let in" : `it was ${status}`);
      return `handshake ${status}`;
    },
    (seen) => seen,
  );
};

const askAgainMs = 250;

/** Asks for the status until it shows exactly these listeners: the count and the index follow a moment later. */
const keepStatus = async (
  { keep, limitMs }: Show,
  promise: string,
  { speaker, audience }: Session,
): Promise<void> => {
  const distribution: Record<string, number> = {};
  for (const { language } of audience) distribution[language] = (distribution[language] ?? 0) + 1;
  const expected = describeListeners(audience.length, distribution);
  const deadline = performance.now() + limitMs;
  await keep(
    promise,
    async () => {
      for (;;) {
        const { frame } = await speaker.ask("getSessionStatus", "sessionStatus");
        const seen = describeListeners(frame.listenerCount, frame.languageDistribution);
        if (seen === expected) return seen;
        if (performance.now() > deadline) throw new Unexpected(`it was ${seen}, and not ${expected}`);
        await pause(askAgainMs);
      }
    },
    (seen) => seen,
  );
};

const oneAfterTheOther = async <Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  for (const item of items) results.push(await act(item));
  return results;
};

/** Another id, one digit off. */
const misheard = (sessionId: string): string =>
  sessionId.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
