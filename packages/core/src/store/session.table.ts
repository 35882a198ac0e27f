import type { EndReason, SessionId } from "@lectern/protocol";
import { endReasonSchema, languageCodeSchema, qualityTierSchema, sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import type { Core } from "../port/core.js";
import * as Dynamo from "./dynamo.js";

/** A row of Sessions. `expiresAt` is in seconds, as DynamoDB's TTL requires; every other time is in milliseconds. */
export const sessionSchema = v.object({
  sessionId: sessionIdSchema,
  speakerUserId: v.string(),
  speakerConnectionId: v.string(),
  /** When the current speaker's connection took over. */
  speakerSince: v.number(),
  /** The last speaker that was welcomed, until the current one is: if that never happens, the session returns to it. */
  previousSpeakerConnectionId: v.optional(v.string()),
  sourceLanguage: languageCodeSchema,
  qualityTier: qualityTierSchema,
  /** The listeners share one address, so the limits by address do not apply to this session's joins. */
  sharedNetwork: v.boolean(),
  createdAt: v.number(),
  isActive: v.boolean(),
  endReason: v.optional(endReasonSchema),
  /** Until when a lost speaker may come back; absent while the speaker is connected. */
  graceUntil: v.optional(v.number()),
  listenerCount: v.number(),
  /** When a seat was last reserved or released. */
  seatsChangedAt: v.number(),
  /** When the reaper read the rows by which it last corrected the count. */
  recountedAt: v.optional(v.number()),
  expiresAt: v.number(),
});

export type Session = v.InferOutput<typeof sessionSchema>;

/** True while the session can be joined. The time is checked too, since DynamoDB removes expired rows late. */
export const isOpen = (session: Session, now: number): boolean =>
  session.isActive && session.expiresAt * 1000 > now;

/** True for the current speaker, and for the one before it until the current one has been welcomed. */
export const isSpeaker = (session: Session, connectionId: string): boolean =>
  session.speakerConnectionId === connectionId || session.previousSpeakerConnectionId === connectionId;

/** Inserts a new session. Returns false if the id is taken. */
export const insert = async (core: Core, session: Session): Promise<boolean> => {
  const { written } = await Dynamo.put(core.db, {
    table: core.tables.sessions,
    item: session,
    when: ["attribute_not_exists(#sessionId)"],
  });
  return written;
};

/** Deletes a session whose speaker's connection could not be inserted. */
export const undoInsert = async (core: Core, sessionId: SessionId, connectionId: string): Promise<void> => {
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

/** Reserves one of `seats` seats. Returns the row, so that a join needs no second read. */
export const reserveSeat = async (core: Core, sessionId: SessionId, seats: number): Promise<Reservation> => {
  const now = core.now();
  const { written, row } = await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { seatsChangedAt: now },
    add: { listenerCount: 1 },
    when: [open, "#listenerCount < :seats"],
    values: { ...openAt(now), seats },
    // A repeat may count one seat too many, which the reaper's recount corrects. A join refused for a short fault is worse.
    repeatable: true,
  });
  if (written) return { outcome: "reserved", session: v.parse(sessionSchema, row) };
  const session = row === undefined ? undefined : v.parse(sessionSchema, row);
  return session && isOpen(session, now) ? { outcome: "full", session } : { outcome: "not-found" };
};

/**
 * Releases seats, one by default. Never repeated: after a lost answer a repeat would release another listener's seat, and
 * a count that is too low oversells the session. The reaper's recount finds a release that was lost. A seat that a recount
 * has already found free is not released again.
 * @param heldAt a time (ms) at which the seat was certainly held: before its row was removed
 */
export const releaseSeat = async (
  core: Core,
  sessionId: SessionId,
  heldAt: number,
  seats = 1,
): Promise<void> => {
  const uncounted = "attribute_not_exists(#recountedAt) OR #recountedAt < :heldAt";
  await Dynamo.update(core.db, {
    table: core.tables.sessions,
    key: { sessionId },
    set: { seatsChangedAt: core.now() },
    add: { listenerCount: -seats },
    when: ["#isActive = :true", "#listenerCount >= :seats", uncounted],
    values: { true: true, seats, heldAt },
  });
};

/** `replaces`: the connection whose place the new speaker takes. `repeated`: it was the speaker already. */
export type Move =
  | { readonly outcome: "moved"; readonly replaces: string }
  | { readonly outcome: "not-found" | "forbidden" | "repeated" };

/**
 * Makes a connection of the same user the session's speaker, moves the session's expiry and ends a grace period. The
 * previous speaker stays recorded until `confirmSpeaker`. After several unwelcomed takeovers this is still the last
 * speaker that was welcomed.
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
    // Safe to repeat: if the first write landed, the row shows it.
    repeatable: true,
  });
  const session = row === undefined ? undefined : v.parse(sessionSchema, row);
  if (!session || !isOpen(session, now)) return { outcome: "not-found" };
  if (session.speakerUserId !== speakerUserId) return { outcome: "forbidden" };
  const replaces = session.previousSpeakerConnectionId;
  return replaces === undefined ? { outcome: "repeated" } : { outcome: "moved", replaces };
};

/**
 * Records that the speaker has been welcomed, so the previous speaker is no longer needed. Returns false if another
 * connection has taken over meanwhile.
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
 * Makes the previous speaker the speaker again, after a takeover that was never welcomed. Returns its connection id;
 * undefined if the given connection no longer speaks or has been welcomed.
 */
export const restorePreviousSpeaker = async (
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

/** Sets the count to the rows read at `recountedAt`, unless a seat was reserved or released since `seen` was read. */
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

/** The condition of an end or a grace period: it must not apply once another connection has taken over. */
export interface SpeakerGuard {
  readonly speakerConnectionId: string;
  /** `"none"`: only without a grace period and without an unwelcomed takeover. A number: only in this grace period. */
  readonly graceUntil?: "none" | number | undefined;
}

/** Ends a session and clears its seats. Returns false if it has ended already, or if `guard` does not hold. */
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

/** Starts a grace period. Returns false if the session has ended, or has another speaker. */
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
