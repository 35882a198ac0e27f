import type { FrameOf } from "@lectern/protocol";
import { type Door, enter, Trouble, type Visitor } from "../visitor.js";
import { type Insight, type Step, sentenceOf } from "./cause.js";
import type { Target } from "./target.js";

/** The endpoint to verify, and what is known of it. */
export interface Subject
  extends Insight,
    Pick<Target, "pool" | "now">,
    Pick<Door, "url" | "address" | "handshakeMs" | "limitMs"> {
  /** The speaker's. */
  readonly token: string;
  /** The stage's `connectionRefreshMinutes`, where it was given. */
  readonly refreshMinutes: number | undefined;
  /** False for a local stack: a slow laptop says nothing about the stage. */
  readonly judgesSpeed: boolean;
  /** Measures the network's round trip (ms), which no stage can shorten. */
  readonly roundTrip: () => Promise<number>;
  /** Lets time pass (ms). */
  readonly pause: (ms: number) => Promise<void>;
  /** Gets a line about a long wait. */
  readonly say: (line: string) => void;
}

/** The session between two checks. */
export interface Scene {
  readonly subject: Subject;
  /** Every connection that was let in. The end of the run cuts them. */
  readonly visitors: Visitor[];
  /** The speaker's socket, whether the welcome came or not. */
  speaking?: Visitor;
  speaker?: { readonly visitor: Visitor; readonly frame: FrameOf<"sessionCreated"> };
  listener?: { readonly visitor: Visitor; readonly connectionId: string };
}

/** One promise of a deployed stage. */
export interface Check {
  readonly name: string;
  /** The checks that must not have failed before. */
  readonly needs: readonly Check[];
  /**
   * Resolves to what was seen, in words.
   * @throws {Failed} the promise was not kept
   * @throws {Doubt} it is kept, but not for every load
   * @throws {Skip} it cannot be checked here
   */
  run(scene: Scene): Promise<string>;
}

/** A promise was not kept. The message is one sentence with the likely cause and the page that helps. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** The promise was kept, but something near it is not as it should be. The message is one sentence. */
export class Doubt extends Error {
  override readonly name = "Doubt";
}

/** A check cannot be made here. The message is the reason. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/** The speaker or the listener that the check needs. */
export const present = <Guest>(guest: Guest | undefined): Guest => {
  if (guest === undefined) throw new Error("A check runs without what it needs");
  return guest;
};

/**
 * Waits for one step of a check.
 * @throws {Failed} with the trouble's sentence
 */
export const step = async <Result>(
  { subject }: Pick<Scene, "subject">,
  what: Step,
  work: Promise<Result>,
): Promise<Result> => {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Trouble ? new Failed(await sentenceOf(error, what, subject)) : error;
  }
};

export type Query = Readonly<Record<string, string>>;

/** The statuses of refusals by the app, which can give a reason. */
const reasoned = new Set(["400", "403", "429", "503"]);

/** Opens a connection. After a refusal it tries again with `errors=frame`, to learn the reason. */
export const admitted = async ({ subject, visitors }: Scene, query: Query): Promise<Visitor> => {
  try {
    const visitor = await enter(subject, query);
    visitors.push(visitor);
    return visitor;
  } catch (error) {
    if (!(error instanceof Trouble && reasoned.has(error.sign)) || query.errors) throw error;
    const asking = await enter(subject, { ...query, errors: "frame" }).catch(() => undefined);
    const frame = await asking?.refusal().catch(() => undefined);
    await asking?.cut();
    throw new Trouble(error.sign, frame ? `${error.message} ${frame.code}` : error.message, frame);
  }
};

/** @throws {Trouble} unless the handshake is refused with this status */
export const refused = async (scene: Scene, query: Query, status: number): Promise<void> => {
  const trouble = await admitted(scene, query).then(
    () => new Trouble("let in", "was let in"),
    (error: unknown) => error,
  );
  if (!(trouble instanceof Trouble) || trouble.sign !== `${status}`) throw trouble;
};

/** @throws {Trouble} unless the next error frame has this code; first sends a frame, if one is given */
export const refusal = async (
  visitor: Visitor,
  code: FrameOf<"error">["code"],
  frame?: Parameters<Visitor["refusal"]>[0],
): Promise<FrameOf<"error">> => {
  const error = await visitor.refusal(frame);
  if (error.code === code) return error;
  throw new Trouble(error.code, `got the error ${error.code}, not ${code}`, error);
};

const longestPauseSeconds = 15;

/** Waits once for a limit that this address has met: an operator may repeat the run several times a minute. */
export const withinLimits = async <Result>(
  { subject }: Scene,
  act: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await act();
  } catch (error) {
    const frame = error instanceof Trouble ? error.frame : undefined;
    const { code, details, retryAfter = Number.POSITIVE_INFINITY } = frame ?? {};
    if (code !== "RATE_LIMIT_EXCEEDED" || retryAfter > longestPauseSeconds) throw error;
    subject.say(`This address has met its limit of ${details?.limit}: waiting ${retryAfter} s`);
    await subject.pause(retryAfter * 1_000);
    return act();
  }
};
