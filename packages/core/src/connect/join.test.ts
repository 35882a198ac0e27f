import { expect, test } from "vitest";
import { removeAndRelease } from "../disconnect/connection.js";
import * as ConnectionTable from "../store/connection.table.js";
import { frameOf, hour, midnight, minute, ticketFor, useStage, violations } from "../testing/index.js";

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

test("rule 15: a join with an id as people type it is in the session, and its refusal names the canonical id", async () => {
  const sessionId = await stage.create();
  await stage.join(` ${sessionId.toUpperCase().replaceAll("-", " \u2013 ")}`, "listener");
  expect(await stage.connection("listener")).toMatchObject({ sessionId });
  expect(await counted(sessionId)).toBe(1);
  await expect(stage.join("Brave Lamb 999", "late")).rejects.toMatchObject({
    code: "SESSION_NOT_FOUND",
    details: { sessionId: "brave-lamb-999" },
  });
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
  const by = stage.with({ maxListenersPerSession: 12 });
  const sessionId = await stage.create("speaker", { sharedNetwork: true });
  const from = { address: "203.0.113.7" };
  for (let n = 1; n <= 12; n += 1) await stage.join(sessionId, `listener ${n}`, { by, from });
  await expect(stage.join(sessionId, "too many", { by, from })).rejects.toMatchObject({
    code: "SESSION_FULL",
  });
  expect(await counted(sessionId)).toBe(12);
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
    ticket: ticketFor(sessionId, "new", { expiresAt: midnight + 2 * hour }),
  });
  expect(await counted(sessionId)).toBe(1);
  await stage.leave("old", 1000);
  expect(await counted(sessionId)).toBe(1);
  expect(await violations(stage)).toEqual([]);
});

test.each([
  ["which nobody knows to be dead", async () => stage.sockets.drop("lost")],
  ["which has been cleaned up", () => stage.leave("lost", 1006)],
])(
  "rule 11: by its welcome's ticket a lost listener takes its seat back from its old socket, %s, in a full session and beyond its address's limits",
  async (_, lose) => {
    const by = stage.with({ maxListenersPerSession: 1, rateLimitListenerJoinsPerMin: 1 });
    const from = { address: "203.0.113.7" };
    const sessionId = await stage.create();
    await stage.join(sessionId, "lost", { by, from });
    await stage.deliver(by);
    const { ticket } = frameOf(stage, "lost", "sessionJoined");
    await lose();
    await stage.refresh(sessionId, "listener", "back", { by, from, ticket });
    await stage.deliver(by);
    expect(stage.sockets.types("back")).toEqual(["connectionRefreshComplete"]);
    expect(await counted(sessionId)).toBe(1);
    expect(await stage.connection("lost")).toBeUndefined();
    expect(await violations(stage)).toEqual([]);
  },
);

test.each([
  ["without a ticket", {}],
  ["with a forged ticket", { ticket: "forged.ticket" }],
])(
  "rule 11: a refresh %s is welcomed by connectionRefreshComplete, and is an ordinary join otherwise",
  async (_, query) => {
    const sessionId = await stage.opened("old");
    stage.measured.length = 0;
    await stage.refresh(sessionId, "listener", "new", query);
    await stage.deliver();
    expect(stage.sockets.types("new")).toEqual(["connectionRefreshComplete"]);
    expect(stage.sockets.opened().sort()).toEqual(["new", "old", "speaker"]);
    expect(await counted(sessionId)).toBe(2);
    expect(stage.measured.map(({ name }) => name)).toContain("ListenerJoinLatency");
  },
);

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
