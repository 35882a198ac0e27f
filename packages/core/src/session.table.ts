import type { EndReason, SessionId } from "@lectern/protocol";
import { endReasonSchema, languageCodeSchema, qualityTierSchema, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import type { Core } from "./core.js";
import * as Dynamo from "./dynamo.js";

/** A row of Sessions. `expiresAt` is in seconds, as DynamoDB's TTL wants it; every other time in milliseconds. */
export const sessionSchema = v.object({
  sessionId: sessionIdSchema,
  speakerUserId: v.string(),
  speakerConnectionId: v.string(),
  /** When the current speaker's connection took over. */
  speakerSince: v.number(),
  /**
   * The connection that spoke before, until the current one has been welcomed: should that never be, the session goes
   * back to it.
   */
  previousSpeakerConnectionId: v.optional(v.string()),
  sourceLanguage: languageCodeSchema,
  qualityTier: qualityTierSchema,
  /** The listeners share one address, so joins to this session are not limited by it. */
  sharedNetwork: v.boolean(),
  createdAt: v.number(),
  isActive: v.boolean(),
  endReason: v.optional(endReasonSchema),
  /** Until when a lost speaker may come back; absent while the speaker is there. */
  graceUntil: v.optional(v.number()),
  listenerCount: v.number(),
  /** When a seat was last taken or freed. */
  seatsChangedAt: v.number(),
  /** When the rows had been read by which the count was last corrected. */
  recountedAt: v.optional(v.number()),
  expiresAt: v.number(),
});

export type Session = v.InferOutput<typeof sessionSchema>;

/** Whether the session can be joined: DynamoDB removes an expired row only some time later. */
export const isOpen = (session: Session, now: number): boolean =>
  session.isActive && session.expiresAt * 1000 > now;

/** Whether this connection speaks, or did until one took over that has not been welcomed yet. */
export const isSpeaker = (session: Session, connectionId: string): boolean =>
  session.speakerConnectionId === connectionId || session.previousSpeakerConnectionId === connectionId;

/** Inserts a new session. False: the id is taken. */
export const insert = async (core: Core, session: Session): Promise<boolean> => {
  const { written } = await Dynamo.put(core.db, {
    table: core.tables.sessions,
    item: session,
    when: ["attribute_not_exists(#sessionId)"],
  });
  return written;
};

/** Takes back a session that was inserted for a connection which then did not come about. */
export const withdraw = async (core: Core, sessionId: SessionId, connectionId: string): Promise<void> => {
  await Dynamo.remove(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    when: ["#speakerConnectionId = :connectionId"],
    values: { connectionId },
    repeatable: true,
  });
};

/** Reads a session, consistently. */
export const get = async (core: Core, sessionId: SessionId): Promise<Session | undefined> => {
  const row = await Dynamo.get(core.db, core.tables.sessions, { sessionId });
  return row === undefined ? undefined : v.parse(sessionSchema, row);
};

export type Reservation =
  | { readonly outcome: "reserved" | "full"; readonly session: Session }
  | { readonly outcome: "not-found" };

/** Reserves one of `seats` seats; the row comes back, so that a join needs no second read. */
export const reserveSeat = async (core: Core, sessionId: SessionId, seats: number): Promise<Reservation> => {
  const now = core.now();
  const { written, row } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { seatsChangedAt: now },
    add: { listenerCount: 1 },
    when: [open, "#listenerCount < :seats"],
    values: { ...openAt(now), seats },
    // A seat too many is found by the reaper's recount; a join refused for a hiccup is not made good.
    repeatable: true,
  });
  if (written) return { outcome: "reserved", session: v.parse(sessionSchema, row) };
  const session = row === undefined ? undefined : v.parse(sessionSchema, row);
  return session && isOpen(session, now) ? { outcome: "full", session } : { outcome: "not-found" };
};

/**
 * Frees one seat. Never repeated: a repeat after a lost answer would free somebody else's seat, and a count that is
 * too low oversells the session. What is lost here, the reaper's recount finds; what that has found missing already is
 * not freed again.
 * @param heldAt when the seat was certainly still held (ms): before its row was removed
 */
export const releaseSeat = async (core: Core, sessionId: SessionId, heldAt: number): Promise<void> => {
  const uncounted = "attribute_not_exists(#recountedAt) OR #recountedAt < :heldAt";
  await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { seatsChangedAt: core.now() },
    add: { listenerCount: -1 },
    when: ["#isActive = :true", "#listenerCount > :zero", uncounted],
    values: { true: true, zero: 0, heldAt },
  });
};

/** `replaces`: the connection that the new speaker takes the place of. `repeated`: it is the speaker already. */
export type Move =
  | { readonly outcome: "moved"; readonly replaces: string }
  | { readonly outcome: "not-found" | "forbidden" | "repeated" };

/**
 * Makes a connection the session's speaker, for the same user only, and moves its expiry; ends a grace period. The one
 * that spoke before stays noted until `confirmSpeaker`; of several that take over in a row and are not welcomed, it is
 * still the first.
 */
export const moveSpeaker = async (
  core: Core,
  sessionId: SessionId,
  speaker: Pick<Session, "speakerUserId" | "speakerConnectionId" | "speakerSince" | "expiresAt">,
): Promise<Move> => {
  const now = core.now();
  const { speakerUserId, ...moved } = speaker;
  const { speakerConnectionId } = speaker;
  const { row } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: moved,
    derive: {
      previousSpeakerConnectionId: "if_not_exists(#previousSpeakerConnectionId, #speakerConnectionId)",
    },
    remove: ["graceUntil"],
    when: [open, "#speakerUserId = :speakerUserId", "#speakerConnectionId <> :speakerConnectionId"],
    values: { ...openAt(now), speakerUserId, speakerConnectionId },
    // Done before, it is found done.
    repeatable: true,
  });
  const session = row === undefined ? undefined : v.parse(sessionSchema, row);
  if (!session || !isOpen(session, now)) return { outcome: "not-found" };
  if (session.speakerUserId !== speakerUserId) return { outcome: "forbidden" };
  const replaces = session.previousSpeakerConnectionId;
  return replaces === undefined ? { outcome: "repeated" } : { outcome: "moved", replaces };
};

/**
 * The speaker has been welcomed: the connection that it took over from is not needed any more. False: another has taken
 * over meanwhile.
 */
export const confirmSpeaker = async (
  core: Core,
  sessionId: SessionId,
  speakerConnectionId: string,
): Promise<boolean> => {
  const { written } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    remove: ["previousSpeakerConnectionId"],
    when: ["#speakerConnectionId = :speakerConnectionId"],
    values: { speakerConnectionId },
    repeatable: true,
  });
  return written;
};

/**
 * Gives the session back to the connection that spoke before one that was never welcomed. Returns that connection's id;
 * undefined: the other is no longer the speaker, or has been welcomed.
 */
export const giveBack = async (
  core: Core,
  sessionId: SessionId,
  speakerConnectionId: string,
): Promise<string | undefined> => {
  const { written, row } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { speakerSince: core.now() },
    derive: { speakerConnectionId: "#previousSpeakerConnectionId" },
    remove: ["previousSpeakerConnectionId"],
    when: [
      "#isActive = :true",
      "#speakerConnectionId = :speakerConnectionId",
      "attribute_exists(#previousSpeakerConnectionId)",
    ],
    values: { true: true, speakerConnectionId },
    repeatable: true,
  });
  return written ? v.parse(sessionSchema, row).speakerConnectionId : undefined;
};

/** Corrects the count to what was read until `recountedAt`, unless a seat was taken or freed since `seen`. */
export const recount = async (
  core: Core,
  seen: Session,
  corrected: { readonly listenerCount: number; readonly recountedAt: number },
): Promise<boolean> => {
  const { written } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId: seen.sessionId },
    set: corrected,
    when: ["#isActive = :true", "#seatsChangedAt = :seatsChangedAt", "#listenerCount = :listenerCount"],
    values: { true: true, seatsChangedAt: seen.seatsChangedAt, listenerCount: seen.listenerCount },
    repeatable: true,
  });
  return written;
};

/** Which speaker an end or a grace is meant for: if another has taken over meanwhile, it is not. */
export interface SpeakerGuard {
  readonly speakerConnectionId: string;
  /** `"none"`: only while the speaker is there and in its place for good; a number: only in this very grace period. */
  readonly graceUntil?: "none" | number | undefined;
}

/** Ends a session: nobody is seated any more. Returns false if it had ended, or is no longer that speaker's. */
export const end = async (
  core: Core,
  sessionId: SessionId,
  endReason: EndReason,
  guard: SpeakerGuard | { readonly expiredBy: number },
): Promise<boolean> => {
  const { when, values } = conditionsOf(guard);
  const { written } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { isActive: false, endReason, listenerCount: 0, seatsChangedAt: core.now() },
    when: ["#isActive = :true", ...when],
    values: { true: true, ...values },
    repeatable: true,
  });
  return written;
};

/** Starts a grace period. Returns false if the session has ended, or is no longer that speaker's. */
export const beginGrace = async (
  core: Core,
  sessionId: SessionId,
  graceUntil: number,
  speakerConnectionId: string,
): Promise<boolean> => {
  const { when, values } = conditionsOf({ speakerConnectionId, graceUntil: "none" });
  const { written } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { graceUntil },
    when: ["#isActive = :true", ...when],
    values: { true: true, ...values },
    repeatable: true,
  });
  return written;
};

const open = "#isActive = :true AND #expiresAt > :nowSeconds";

const openAt = (now: number) => ({ true: true, nowSeconds: Math.floor(now / 1000) });

const conditionsOf = (guard: SpeakerGuard | { readonly expiredBy: number }) => {
  if ("expiredBy" in guard) {
    return { when: ["#expiresAt <= :expiredBy"], values: { expiredBy: guard.expiredBy } };
  }
  const { speakerConnectionId, graceUntil } = guard;
  const speaker = "#speakerConnectionId = :speakerConnectionId";
  if (graceUntil === undefined) return { when: [speaker], values: { speakerConnectionId } };
  if (graceUntil === "none") {
    const settled =
      "attribute_not_exists(#graceUntil) AND attribute_not_exists(#previousSpeakerConnectionId)";
    return { when: [speaker, settled], values: { speakerConnectionId } };
  }
  return { when: [speaker, "#graceUntil = :graceUntil"], values: { speakerConnectionId, graceUntil } };
};
