import { EventEmitter, once } from "node:events";
import { type SessionId, serverFrameSchema } from "@lectern/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { onDisconnect, removeAndRelease } from "../disconnect/connection.js";
import { confirm } from "../message/receive.js";
import { sessionStatus } from "../message/speaker.js";
import { reap } from "../reaper/reap.js";
import * as ConnectionTable from "../store/connection.table.js";
import * as SessionTable from "../store/session.table.js";
import {
  frameOf,
  hour,
  Killed,
  midnight,
  minute,
  ticketFor,
  useStage,
  violations,
} from "../testing/index.js";

const stage = await useStage();

const counted = async (sessionId: string): Promise<number> => (await stage.session(sessionId)).listenerCount;

test("rule 2: a listener gets a row and a seat", async () => {
  const sessionId = await stage.create();
  stage.pass(1000);
  await stage.join(sessionId, "listener", { targetLanguage: "pt-PT" });
  const row = (await stage.rows("connections")).find(({ connectionId }) => connectionId === "listener");
  expect(row).toEqual({
    connectionId: "listener",
    sessionId,
    role: "listener",
    targetLanguage: "pt-PT",
    connectedAt: midnight + 1000,
    requestedAt: midnight + 980,
    requestId: expect.any(String),
    addressHash: expect.stringMatching(/^[\w-]{43}$/),
    ttl: (midnight + 1000 + 3 * hour) / 1000,
  });
  expect(await stage.session(sessionId)).toMatchObject({
    listenerCount: 1,
    seatsChangedAt: midnight + 1000,
  });
});

test("rule 8: a join of an unknown, an ended or an expired session is refused, and the session named", async () => {
  const ended = await stage.create("a");
  await stage.leave("a", 1000);
  const expired = await stage.create("b");
  stage.pass(2 * hour);
  for (const sessionId of ["golden-eagle-427", ended, expired]) {
    await expect(stage.join(sessionId, "listener")).rejects.toMatchObject({
      code: "SESSION_NOT_FOUND",
      details: { sessionId },
    });
  }
  expect(await stage.connection("listener")).toBeUndefined();
});

test("rule 6: a session can be joined until the millisecond before its end", async () => {
  const sessionId = await stage.create();
  stage.pass(2 * hour - 1);
  await stage.join(sessionId, "early");
  stage.pass(1);
  await expect(stage.join(sessionId, "late")).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
});

test("rule 8: a join in an unsupported language is refused before anything is written", async () => {
  const sessionId = await stage.create();
  stage.forgetRequests();
  await expect(stage.join(sessionId, "listener", { targetLanguage: "xx" })).rejects.toMatchObject({
    code: "UNSUPPORTED_LANGUAGE",
    details: { parameter: "targetLanguage", sessionId },
  });
  expect(stage.requests()).toEqual([]);
});

test.each([
  ["an unsupported language", { targetLanguage: "xx" }],
  ["a malformed language", { targetLanguage: "Spanish" }],
])("a join that fails for %s names the session it was for", async (_, query) => {
  await expect(stage.join("golden-eagle-427", "listener", query)).rejects.toMatchObject({
    details: { parameter: "targetLanguage", sessionId: "golden-eagle-427" },
  });
});

test("a join that fails because the table is out of reach names the session it was for", async () => {
  const sessionId = await stage.create();
  const match = { table: stage.tables.sessions };
  const end = stage.inject({ kind: "throttle", match });
  await expect(stage.join(sessionId, "listener")).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    details: { sessionId },
  });
  end();
});

test("rule 13: the eleventh join from an address is refused and gives its seat back", async () => {
  const sessionId = await stage.create();
  const from = { address: "203.0.113.7" };
  for (let n = 1; n <= 10; n += 1) await stage.join(sessionId, `listener ${n}`, { from });
  await expect(stage.join(sessionId, "eleventh", { from })).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
    retryAfter: 6,
    details: { limit: "listenerJoins", sessionId },
  });
  expect(await counted(sessionId)).toBe(10);
  await stage.join(sessionId, "from elsewhere");
  expect(await violations(stage)).toEqual([]);
});

test("rule 13: an address is stored only as its HMAC", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener", { from: { address: "203.0.113.7" } });
  for (const table of ["sessions", "connections", "rateLimits"] as const) {
    expect(JSON.stringify(await stage.rows(table))).not.toContain("203.0.113.7");
  }
  expect(JSON.stringify(stage.log())).not.toContain("203.0.113.7");
});

test("rule 13: a hall behind one address gets into a session with a shared network, up to its capacity", async () => {
  const by = stage.with({ maxListenersPerSession: 30 });
  const sessionId = await stage.create("speaker", { sharedNetwork: true });
  const from = { address: "203.0.113.7" };
  for (let n = 1; n <= 30; n += 1) await stage.join(sessionId, `listener ${n}`, { by, from });
  await expect(stage.join(sessionId, "too many", { by, from })).rejects.toMatchObject({
    code: "SESSION_FULL",
  });
  expect(await counted(sessionId)).toBe(30);
});

test("rule 13: wrong session ids stay limited from everywhere", async () => {
  const from = { address: "203.0.113.7" };
  const codes: string[] = [];
  for (let n = 100; n < 112; n += 1) {
    await stage.join(`golden-eagle-${n}`, `guess ${n}`, { from }).catch(({ code }) => codes.push(code));
  }
  expect(codes).toEqual([
    ...Array.from({ length: 10 }, () => "SESSION_NOT_FOUND"),
    "RATE_LIMIT_EXCEEDED",
    "RATE_LIMIT_EXCEEDED",
  ]);
});

test("rule 21: with the limits' table down listeners get in", async () => {
  const sessionId = await stage.create();
  const match = { table: stage.tables.rateLimits };
  const end = stage.inject({ kind: "unreachable", match });
  const from = { address: "203.0.113.7" };
  await Promise.all(Array.from({ length: 12 }, (_, n) => stage.join(sessionId, `listener ${n}`, { from })));
  end();
  expect(await counted(sessionId)).toBe(12);
});

test("a join that breaks over its limits keeps no seat", async () => {
  const sessionId = await stage.create();
  const by = { ...stage.core, tables: { ...stage.tables, rateLimits: "Missing" } };
  await expect(stage.join(sessionId, "listener", { by })).rejects.toMatchObject({
    name: "ResourceNotFoundException",
  });
  expect(await counted(sessionId)).toBe(0);
});

test.each(["unreachable", "lost-answer"] as const)(
  "rule 21: a join whose row is struck by %s is refused and leaves neither row nor seat",
  async (kind) => {
    const sessionId = await stage.create();
    const match = { operation: "PutItem", table: stage.tables.connections };
    stage.inject({ kind, match, times: 1 });
    await expect(stage.join(sessionId, "listener")).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(await stage.connection("listener")).toBeUndefined();
    expect(await counted(sessionId)).toBe(0);
  },
);

test("a seat is not given back twice when a refused join's row could not be taken back either", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "seated");
  const table = stage.tables.connections;
  stage.inject({
    kind: "lost-answer",
    match: { operation: "PutItem", table },
    times: 1,
  });
  stage.inject({
    kind: "unreachable",
    match: { operation: "DeleteItem", table },
    times: 1,
  });
  await expect(stage.join(sessionId, "refused")).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  // Its row is there, and keeps its seat until the row is removed.
  await removeAndRelease(stage.core, "refused");
  expect(await counted(sessionId)).toBe(1);
});

test("rule 16: a repeated connect of a listener takes no second seat", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  const before = await stage.connection("listener");
  stage.pass(1000);
  await stage.join(sessionId, "listener", { targetLanguage: "de" });
  expect(await stage.connection("listener")).toEqual(before);
  expect(await counted(sessionId)).toBe(1);
  expect(stage.log()).toContainEqual(expect.objectContaining({ message: "Repeated connect" }));
});

test("rule 5: a listener that leaves releases its seat only once", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "one");
  await stage.join(sessionId, "two");
  await stage.leave("one", 1001);
  expect(await stage.connection("one")).toBeUndefined();
  expect(await counted(sessionId)).toBe(1);
  await stage.leave("one", 1001);
  expect(await counted(sessionId)).toBe(1);
  expect(stage.log()).toContainEqual(
    expect.objectContaining({ level: "info", message: expect.stringMatching(/Repeated/) }),
  );
});

test("rule 5: of many leaves of one listener at once a single one frees its seat", async () => {
  const sessionId = await stage.create();
  for (const id of ["one", "two", "three"]) await stage.join(sessionId, id);
  const closed = { code: 1001, ageMs: 0 };
  await Promise.all(Array.from({ length: 8 }, () => onDisconnect(stage.core, "one", closed)));
  expect(await counted(sessionId)).toBe(2);
});

test("rule 5: the count never falls below 0", async () => {
  const sessionId = await stage.create();
  await SessionTable.releaseSeat(stage.core, sessionId, stage.now());
  expect(await counted(sessionId)).toBe(0);
});

test("rule 11: a speaker's refresh moves the session to the new connection, and its expiry", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  stage.pass(100 * minute);
  await stage.refresh(sessionId, "speaker", "newer");
  expect(await stage.session(sessionId)).toMatchObject({
    speakerConnectionId: "newer",
    speakerSince: midnight + 100 * minute,
    expiresAt: (midnight + 220 * minute) / 1000,
    createdAt: midnight,
  });
  expect(await stage.connection("newer")).toMatchObject({ role: "speaker", replaces: "speaker" });
  await stage.deliver();
  expect(frameOf(stage, "newer", "connectionRefreshComplete")).toMatchObject({ sessionId, role: "speaker" });
  expect(stage.sockets.of("speaker")).toMatchObject({ open: false, closes: 1 });
  await stage.leave("speaker", 1000);
  expect((await stage.session(sessionId)).isActive).toBe(true);
  expect(await violations(stage)).toEqual([]);
});

test("rule 11: another user, an anonymous client or a listener's ticket cannot take a session over", async () => {
  const sessionId = await stage.create();
  const before = await stage.rows("sessions");
  const refused = async (from: { userId: string | undefined }, ticket = "x") =>
    stage.refresh(sessionId, "speaker", "thief", { from, ticket }).catch(({ code }) => code);
  expect(await refused({ userId: "mallory" })).toBe("FORBIDDEN");
  expect(await refused({ userId: undefined })).toBe("UNAUTHORIZED");
  expect(await refused({ userId: undefined }, ticketFor(sessionId, "speaker", { role: "speaker" }))).toBe(
    "UNAUTHORIZED",
  );
  expect(await stage.rows("sessions")).toEqual(before);
  expect(await stage.connection("thief")).toBeUndefined();
});

test("rule 11: a session may be refreshed any number of times, and lasts as long as it is", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  let last = "speaker";
  for (let n = 1; n <= 5; n += 1) {
    stage.pass(100 * minute);
    await stage.refresh(sessionId, "speaker", `speaker ${n}`);
    await stage.deliver();
    expect(stage.sockets.of(last).open).toBe(false);
    last = `speaker ${n}`;
  }
  await stage.join(sessionId, "listener");
  expect(await violations(stage)).toEqual([]);
});

test("rule 16: a repeated connect of a speaker's refresh changes nothing more", async () => {
  const sessionId = await stage.create();
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  await stage.leave("newer", 1001);
  const before = await stage.rows("sessions");
  stage.pass(10_000);
  await stage.refresh(sessionId, "speaker", "newer", { from: { connectedAt: midnight } });
  expect(await stage.rows("sessions")).toEqual(before);
  expect(stage.log()).toContainEqual(expect.objectContaining({ message: "Repeated connect" }));
});

describe("a speaker's refresh that does not come about leaves the session to the speaker that it had", () => {
  const givenBack = async (sessionId: SessionId) => {
    const session = await stage.session(sessionId);
    expect(session).toMatchObject({ isActive: true, speakerConnectionId: "speaker" });
    expect(session.graceUntil).toBeUndefined();
    expect(session.previousSpeakerConnectionId).toBeUndefined();
    expect(stage.sockets.of("speaker").open).toBe(true);
    expect(await sessionStatus(stage.core, "speaker")).toMatchObject({ type: "sessionStatus" });
    expect(await violations(stage)).toEqual([]);
  };

  test.each([
    ["its row could not be written", "PutItem", "unreachable", 1],
    ["nobody answers whether the session was moved", "UpdateItem", "lost-answer", 3],
  ] as const)("when %s", async (_, operation, kind, times) => {
    const sessionId = await stage.create();
    await stage.deliver();
    stage.inject({ kind, match: { operation }, times });
    await expect(stage.refresh(sessionId, "speaker", "newer")).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    await givenBack(sessionId);
  });

  test.each([
    ["its socket never opens", undefined],
    ["its client gives it up before its welcome", 4000],
    ["its client gives it up before its welcome without a code", 1005],
  ])("when %s", async (_, code) => {
    const sessionId = await stage.create();
    await stage.join(sessionId, "listener");
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    if (code === undefined) {
      stage.sockets.drop("newer");
      stage.pass(10_000);
    } else {
      await stage.leave("newer", code);
    }
    await stage.deliver();
    await givenBack(sessionId);
    expect(stage.sockets.types("listener")).toEqual(["sessionJoined"]);
    await stage.refresh(sessionId, "speaker", "another");
    await stage.deliver();
    expect(frameOf(stage, "another", "connectionRefreshComplete").role).toBe("speaker");
    expect(stage.sockets.of("speaker").open).toBe(false);
    expect(await violations(stage)).toEqual([]);
  });

  test("when its function dies before its row: the reaper gives the session back", async () => {
    const sessionId = await stage.create();
    await stage.deliver();
    await expect(stage.refresh(sessionId, "speaker", "newer", { by: stage.dying(1) })).rejects.toThrow(
      Killed,
    );
    stage.pass(minute);
    await reap(stage.core);
    await givenBack(sessionId);
  });

  test("and to a new grace period, when that speaker is gone", async () => {
    const sessionId = await stage.create();
    await stage.leave("speaker", 1001);
    stage.pass(10_000);
    stage.inject({ kind: "unreachable", match: { operation: "PutItem" }, times: 1 });
    await expect(stage.refresh(sessionId, "speaker", "newer")).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    const session = await stage.session(sessionId);
    expect(session).toMatchObject({ speakerConnectionId: "speaker", graceUntil: stage.now() + 30_000 });
    expect(session.previousSpeakerConnectionId).toBeUndefined();
  });

  test("and ends it, when that speaker is gone and the new one leaves on purpose", async () => {
    const sessionId = await stage.create();
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    await stage.leave("speaker", 1000);
    expect((await stage.session(sessionId)).isActive).toBe(true);
    await stage.leave("newer", 1000);
    expect(await stage.session(sessionId)).toMatchObject({ isActive: false, endReason: "speakerLeft" });
  });

  test("and ends it at once when there is no grace", async () => {
    const by = stage.with({ speakerGraceSeconds: 0 });
    const sessionId = await stage.create();
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    await stage.leave("speaker", 1001, by);
    await stage.leave("newer", 1001, by);
    expect(await stage.session(sessionId)).toMatchObject({ isActive: false, endReason: "speakerLost" });
  });
});

test("a speaker's refresh of which an answer was lost is done once and welcomed", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  stage.inject({ kind: "lost-answer", match: { operation: "UpdateItem" }, times: 1 });
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  expect(frameOf(stage, "newer", "connectionRefreshComplete").role).toBe("speaker");
  expect(stage.sockets.of("speaker").open).toBe(false);
  expect(await violations(stage)).toEqual([]);
});

test("rule 16: a connect that is repeated before its welcome changes nothing more", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "newer");
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  await stage.refresh(sessionId, "speaker", "newer");
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
});

test("rule 11: a speaker's old connection hears that another has taken over, unless its own client has refreshed it", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "refreshed", {
    ticket: ticketFor(sessionId, "speaker", { role: "speaker" }),
  });
  await stage.deliver();
  expect(stage.sockets.types("speaker")).toEqual(["sessionCreated"]);
  await stage.refresh(sessionId, "speaker", "elsewhere", {
    ticket: ticketFor(sessionId, "speaker", { role: "speaker" }),
  });
  await stage.deliver();
  expect(stage.sockets.types("refreshed")).toEqual(["connectionRefreshComplete", "error"]);
  const frame = frameOf(stage, "refreshed", "error");
  expect(v.parse(serverFrameSchema, frame)).toEqual({
    type: "error",
    timestamp: stage.now(),
    code: "FORBIDDEN",
    message: "Another connection has taken this session over",
    status: 403,
    retryable: false,
    details: { reason: "replaced", sessionId },
  });
  expect(stage.sockets.opened()).toEqual(["elsewhere"]);
});

test("rule 11: of two connections that take over at once the later speaks, and the other is closed", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  const gate = new EventEmitter();
  const held = once(gate, "open").then(() => undefined);
  const slow = stage.process(({ name }) => (name === "PutItem" ? held : undefined));
  const overtaken = stage.refresh(sessionId, "speaker", "overtaken", { by: slow });
  await expect.poll(async () => (await stage.session(sessionId)).speakerConnectionId).toBe("overtaken");
  await stage.refresh(sessionId, "speaker", "later");
  await stage.deliver();
  gate.emit("open");
  await overtaken;
  await stage.deliver();
  expect(stage.sockets.types("later")).toEqual(["connectionRefreshComplete"]);
  expect(frameOf(stage, "overtaken", "error")).toMatchObject({
    code: "FORBIDDEN",
    details: { reason: "replaced" },
  });
  expect(stage.sockets.opened()).toEqual(["later"]);
  expect(await violations(stage)).toEqual([]);
});

test("rule 11: a listener's refresh holds two seats until the old socket is closed", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "old");
  await stage.deliver();
  await stage.refresh(sessionId, "listener", "new", { ticket: ticketFor(sessionId, "old") });
  expect(await counted(sessionId)).toBe(2);
  await stage.deliver();
  expect(frameOf(stage, "new", "connectionRefreshComplete")).toEqual({
    type: "connectionRefreshComplete",
    timestamp: midnight,
    sessionId,
    role: "listener",
    targetLanguage: "es",
    sourceLanguage: "en",
    connectionId: "new",
  });
  expect(await counted(sessionId)).toBe(1);
  await stage.leave("old", 1000);
  expect(await counted(sessionId)).toBe(1);
  expect(await violations(stage)).toEqual([]);
});

test.each([
  [4, 10],
  [200, 10],
  [201, 11],
  [500, 25],
])("rule 11: in a full session of %i a ticket finds %i seats more, and no more", async (capacity, seats) => {
  const by = stage.with({ maxListenersPerSession: capacity });
  const sessionId = await stage.create();
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount: capacity + seats - 1 });
  const ticket = ticketFor(sessionId, "old");
  await expect(stage.refresh(sessionId, "listener", "no ticket", { by })).rejects.toMatchObject({
    code: "SESSION_FULL",
  });
  await stage.refresh(sessionId, "listener", "last", { by, ticket });
  const another = ticketFor(sessionId, "another");
  await expect(stage.refresh(sessionId, "listener", "over", { by, ticket: another })).rejects.toMatchObject({
    code: "SESSION_FULL",
    details: { sessionId },
  });
});

test("rule 13: a valid ticket is exempt from its address's limits; without one a refresh is a join", async () => {
  const sessionId = await stage.create();
  const from = { address: "203.0.113.7" };
  const by = stage.with({ rateLimitListenerJoinsPerMin: 1 });
  await stage.join(sessionId, "one", { by, from });
  await stage.refresh(sessionId, "listener", "two", { by, from, ticket: ticketFor(sessionId, "one") });
  const other = await stage.create("another speaker");
  for (const ticket of [
    "",
    "forged.ticket",
    ticketFor(other, "one"),
    ticketFor(sessionId, "one", { role: "speaker" }),
    ticketFor(sessionId, "one", { targetLanguage: "de" }),
  ]) {
    await expect(stage.refresh(sessionId, "listener", "three", { by, from, ticket })).rejects.toMatchObject({
      code: "RATE_LIMIT_EXCEEDED",
    });
  }
});

test("rule 13: a ticket that has been used too often makes an ordinary join, so that one does not fill a session", async () => {
  const from = { address: "203.0.113.7" };
  const by = stage.with({ rateLimitListenerJoinsPerMin: 1 });
  const sessionId = await stage.create();
  await stage.join(sessionId, "old", { by, from });
  const ticket = ticketFor(sessionId, "old");
  for (let use = 1; use <= 5; use += 1) {
    await stage.refresh(sessionId, "listener", `use ${use}`, { by, from, ticket });
  }
  await expect(stage.refresh(sessionId, "listener", "use 6", { by, from, ticket })).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
    details: { limit: "listenerJoins", sessionId },
  });
  expect(await counted(sessionId)).toBe(6);
  stage.pass(12 * minute);
  await stage.refresh(sessionId, "listener", "use 6", { by, from, ticket });
  await stage.deliver();
  expect(await counted(sessionId)).toBe(6);
});

test("rule 11: a ticket works for a refresh that its session has outlived not", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "old");
  await stage.leave("speaker", 1000);
  await expect(
    stage.refresh(sessionId, "listener", "new", { ticket: ticketFor(sessionId, "old") }),
  ).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", details: { sessionId } });
});

test("rule 11: a connection that is in place gets this confirmed, and nothing changes", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  expect(await confirm(stage.core, "listener", sessionId)).toMatchObject({
    type: "connectionRefreshComplete",
    sessionId,
    role: "listener",
    targetLanguage: "es",
    connectionId: "listener",
  });
  expect(await confirm(stage.core, "speaker", sessionId)).toMatchObject({ role: "speaker" });
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
});

test("rule 11: a connection of another session, or one that was refused, confirms nothing", async () => {
  const sessionId = await stage.create("a");
  const other = await stage.create("b");
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  for (const id of ["b", "refused"]) {
    await expect(confirm(stage.core, id, sessionId)).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
  expect(await confirm(stage.core, "b", other)).toMatchObject({ sessionId: other });
});

test("a seat freed by a leave that a recount has seen already is not freed again", async () => {
  const sessionId = await stage.create();
  for (const id of ["one", "two", "three"]) await stage.join(sessionId, id);
  await stage.deliver();
  stage.pass(minute);
  const slow = stage.process(async ({ name }) => {
    // A whole reaper run happens between its two writes.
    if (name === "UpdateItem") await reap(stage.core);
  });
  await onDisconnect(slow, "one", { code: 1001, ageMs: minute });
  stage.sockets.drop("one");
  // Two are seated. A count that is too low oversells the session; the next recount corrects one that is too high.
  expect(await counted(sessionId)).toBeGreaterThanOrEqual(2);
  stage.pass(minute);
  await reap(stage.core);
  expect(await counted(sessionId)).toBe(2);
});

test("rule 9: rows of listeners are found by session and language, speakers are not among them", async () => {
  const sessionId = await stage.create();
  const other = await stage.create("another speaker");
  await stage.join(sessionId, "a", { targetLanguage: "de" });
  await stage.join(sessionId, "b", { targetLanguage: "es" });
  await stage.join(other, "c");
  const found: string[] = [];
  for await (const page of ConnectionTable.listeners(stage.core, sessionId)) {
    found.push(...page.map(({ connectionId }) => connectionId));
  }
  expect(found).toEqual(["a", "b"]);
});
