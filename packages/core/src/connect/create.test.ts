import { sessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import { onSpeakerGone } from "../disconnect/speaker.js";
import { confirm, receive } from "../message/receive.js";
import { endSession, sessionStatus } from "../message/speaker.js";
import * as SessionTable from "../store/session.table.js";
import { frameOf, hour, midnight, minute, useStage, violations } from "../testing/index.js";

const stage = await useStage();

test("rule 1: a session begins with all its attributes", async () => {
  const sessionId = await stage.create("speaker", { qualityTier: "premium", sharedNetwork: true });
  expect(v.is(sessionIdSchema, sessionId)).toBe(true);
  expect(await stage.rows("sessions")).toEqual([
    {
      sessionId,
      speakerConnectionId: "speaker",
      speakerUserId: "alice",
      speakerSince: midnight,
      sourceLanguage: "en",
      qualityTier: "premium",
      sharedNetwork: true,
      createdAt: midnight,
      isActive: true,
      listenerCount: 0,
      seatsChangedAt: midnight,
      expiresAt: (midnight + 2 * hour) / 1000,
    },
  ]);
});

test("rule 1: the speaker's connection has a row without a language, and so is not in the index", async () => {
  const sessionId = await stage.create("speaker");
  const [row] = await stage.rows("connections");
  expect(row).toEqual({
    connectionId: "speaker",
    sessionId,
    role: "speaker",
    connectedAt: midnight,
    requestedAt: midnight - 20,
    requestId: expect.any(String),
    addressHash: expect.stringMatching(/^[\w-]{43}$/),
    ttl: (midnight + 3 * hour) / 1000,
  });
});

test("rule 1: a session is refused without a token, and in a language that is not translated", async () => {
  await expect(stage.create("a", { from: { userId: undefined } })).rejects.toMatchObject({
    code: "UNAUTHORIZED",
  });
  await expect(stage.create("b", { sourceLanguage: "xx" })).rejects.toMatchObject({
    code: "UNSUPPORTED_LANGUAGE",
    details: { parameter: "sourceLanguage" },
  });
  for (const table of ["sessions", "connections", "rateLimits"] as const) {
    expect(await stage.rows(table)).toEqual([]);
  }
});

test("rule 3: an id that is taken is not given twice, another is tried", async () => {
  const chances = [0, 0, 0, 0, 0, 0, 1, 1, 1];
  const by = { ...stage.core, random: () => chances.shift() ?? 2 };
  const first = await stage.create("a", { by });
  const second = await stage.create("b", { by });
  expect(second).not.toBe(first);
  expect(chances).toEqual([]);
});

test("rule 3: after ten ids that were all taken the session is refused as SERVICE_UNAVAILABLE", async () => {
  const by = { ...stage.core, random: () => 0 };
  await stage.create("a", { by });
  stage.forgetRequests();
  await expect(stage.create("b", { by })).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(stage.requests().filter((operation) => operation === "PutItem")).toHaveLength(10);
  expect(await stage.connection("b")).toBeUndefined();
  expect(await stage.rows("sessions")).toHaveLength(1);
});

test("rule 13: a user may create fifty sessions in an hour, whatever the address", async () => {
  const by = stage.with({ rateLimitSessionsPerHour: 3 });
  for (const id of ["a", "b", "c"]) await stage.create(id, { by });
  await expect(stage.create("d", { by })).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
    retryAfter: 20 * 60,
    details: { limit: "sessions" },
  });
  await stage.create("e", { by, from: { userId: "bob" } });
  expect(await stage.rows("sessions")).toHaveLength(4);
});

test("rule 13: the user's name is not stored with the limit", async () => {
  await stage.create();
  expect(JSON.stringify(await stage.rows("rateLimits"))).not.toContain("alice");
});

test.each(["Connections", "Sessions"] as const)(
  "rule 21: with %s out of reach a session is refused as SERVICE_UNAVAILABLE",
  async (name) => {
    const table = name === "Sessions" ? stage.tables.sessions : stage.tables.connections;
    const end = stage.inject({ kind: "unreachable", match: { table } });
    await expect(stage.create()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    end();
    expect(await stage.rows("sessions")).toEqual([]);
    expect(await stage.rows("connections")).toEqual([]);
  },
);

test.each(["sessions", "connections"] as const)(
  "a refused create leaves nothing behind when the answer about its row in %s was lost",
  async (name) => {
    stage.inject({
      kind: "lost-answer",
      match: { operation: "PutItem", table: stage.tables[name] },
      times: 1,
    });
    await expect(stage.create()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(await stage.rows("sessions")).toEqual([]);
    expect(await stage.rows("connections")).toEqual([]);
  },
);

test("rule 16: a repeated connect of a speaker opens no second session", async () => {
  await stage.create();
  await stage.create();
  expect(await stage.rows("sessions")).toHaveLength(1);
  expect(await stage.rows("connections")).toHaveLength(1);
  expect(stage.log()).toContainEqual(expect.objectContaining({ message: "Repeated connect" }));
});

test("rule 4: endSession ends the session at once; everybody hears of it by the stream, the speaker too", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.deliver();
  expect(await receive(stage.core, "speaker", '{"action":"endSession"}')).toBeUndefined();
  await stage.deliver();
  for (const id of ["speaker", "listener"]) {
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ sessionId, reason: "ended" });
    expect(stage.sockets.of(id).closes).toBe(1);
  }
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: false,
    endReason: "ended",
    listenerCount: 0,
  });
  expect(await violations(stage)).toEqual([]);
});

test("a session that has ended already answers endSession with its end", async () => {
  const sessionId = await stage.create();
  await endSession(stage.core, "speaker");
  expect(await endSession(stage.core, "speaker")).toMatchObject({
    type: "sessionEnded",
    sessionId,
    reason: "ended",
  });
});

test("rule 19: only the session's current speaker ends it or sees its status", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.refresh(sessionId, "speaker", "newer");
  // The former speaker still has a row, until its socket is closed.
  for (const id of ["listener", "speaker", "unknown"]) {
    for (const action of ["endSession", "getSessionStatus"]) {
      await expect(receive(stage.core, id, JSON.stringify({ action }))).rejects.toMatchObject({
        code: "FORBIDDEN",
      });
    }
  }
  expect((await stage.session(sessionId)).isActive).toBe(true);
});

test("rule 9: the status counts the listeners, by their languages", async () => {
  const sessionId = await stage.create();
  for (const [id, targetLanguage] of [
    ["a", "es"],
    ["b", "de"],
    ["c", "es"],
  ] as const) {
    await stage.join(sessionId, id, { targetLanguage });
  }
  expect(await receive(stage.core, "speaker", '{"action":"getSessionStatus"}')).toEqual({
    type: "sessionStatus",
    timestamp: midnight,
    sessionId,
    isActive: true,
    listenerCount: 3,
    languageDistribution: { es: 2, de: 1 },
  });
});

test("rule 6: an expired session is not active in its status, even before the reaper ends it", async () => {
  await stage.create();
  stage.pass(2 * hour);
  expect(await sessionStatus(stage.core, "speaker")).toMatchObject({ isActive: false });
});

test.each([
  ["1000", 1000, 5 * minute, true],
  ["1005", 1005, 5 * minute, true],
  ["1000 at almost 119 minutes", 1000, 119 * minute - 1, true],
  ["1000 at 119 minutes", 1000, 119 * minute, false],
  ["1005 at two hours", 1005, 120 * minute, false],
  ["1001", 1001, 5 * minute, false],
  ["1006", 1006, 5 * minute, false],
  ["nothing known", undefined, 5 * minute, false],
])("rule 4: a speaker's close with %s", async (_, code, age, deliberate) => {
  const by = stage.with({ sessionMaxDurationHours: 3 });
  const sessionId = await stage.create("speaker", { by });
  stage.pass(age);
  await stage.leave("speaker", code, by);
  const session = await stage.session(sessionId);
  expect(session.isActive).toBe(!deliberate);
  if (deliberate) expect(session).toMatchObject({ endReason: "speakerLeft" });
  else expect(session.graceUntil).toBe(midnight + age + 30_000);
});

test("rule 4: with a grace of 0 every loss ends the session at once, for its own reason", async () => {
  const by = stage.with({ speakerGraceSeconds: 0 });
  const lost = await stage.create("a", { by });
  await stage.leave("a", 1001, by);
  expect(await stage.session(lost)).toMatchObject({ isActive: false, endReason: "speakerLost" });
  const left = await stage.create("b", { by });
  await stage.leave("b", 1000, by);
  expect(await stage.session(left)).toMatchObject({ isActive: false, endReason: "speakerLeft" });
});

test("rule 4: a close during the grace period ends nothing: it may be our own close of a silent speaker", async () => {
  const sessionId = await stage.create();
  await onSpeakerGone(stage.core, { connectionId: "speaker", sessionId }, false);
  stage.pass(1000);
  await stage.leave("speaker", 1000);
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: true,
    graceUntil: midnight + 30_000,
  });
});

test("rule 4: listeners hear that the speaker is reconnecting, and that it is back", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.deliver();
  await stage.leave("speaker", 1001);
  await stage.deliver();
  expect(stage.sockets.types("listener")).toEqual(["sessionJoined", "speakerReconnecting"]);
  stage.pass(10_000);
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  expect(stage.sockets.types("listener").slice(2)).toEqual(["speakerReconnected"]);
  expect((await stage.session(sessionId)).graceUntil).toBeUndefined();
  expect(await violations(stage)).toEqual([]);
});

test("invariant 1: a former speaker ends nothing, neither by leaving nor by being lost", async () => {
  const sessionId = await stage.create();
  await stage.refresh(sessionId, "speaker", "newer");
  for (const deliberate of [true, false]) {
    await onSpeakerGone(stage.core, { connectionId: "speaker", sessionId }, deliberate);
  }
  await stage.leave("speaker", 1000);
  const session = await stage.session(sessionId);
  expect(session).toMatchObject({ isActive: true, speakerConnectionId: "newer" });
  expect(session.graceUntil).toBeUndefined();
});

test("an ended session gets no grace, no seat, no speaker and no second end", async () => {
  const sessionId = await stage.create();
  await stage.leave("speaker", 1000);
  const before = await stage.rows("sessions");
  stage.pass(1000);
  expect(await SessionTable.beginGrace(stage.core, sessionId, 1, "speaker")).toBe(false);
  expect(await SessionTable.reserveSeat(stage.core, sessionId, 10)).toEqual({ outcome: "not-found" });
  await SessionTable.releaseSeat(stage.core, sessionId, stage.now());
  await expect(stage.refresh(sessionId, "speaker", "newer")).rejects.toMatchObject({
    code: "SESSION_NOT_FOUND",
  });
  const guard = { speakerConnectionId: "speaker" };
  expect(await SessionTable.end(stage.core, sessionId, "ended", guard)).toBe(false);
  expect(await stage.rows("sessions")).toEqual(before);
});

test("a connection that is not there can confirm nothing", async () => {
  const sessionId = await stage.create();
  await expect(confirm(stage.core, "unknown", sessionId)).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
});
