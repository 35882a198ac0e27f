import { serverFrameSchema } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import { endSession } from "../message/speaker.js";
import type { RowChange } from "../store/row-change.js";
import { frameOf, hour, midnight, minute, ticketFor, useStage, violations } from "../testing/index.js";
import { Failure } from "../value/failure.js";
import { onConnectionChange, welcome } from "./welcome.js";

const stage = await useStage();

const welcomeOf = async (connectionId: string): Promise<void> => {
  const row = await stage.connection(connectionId);
  if (!row) throw new Error(`${connectionId} has no row`);
  await welcome(stage.core, row);
};

test("rule 1: a speaker's first frame is sessionCreated", async () => {
  const sessionId = await stage.create("speaker", { qualityTier: "premium", sourceLanguage: "de" });
  await welcomeOf("speaker");
  expect(stage.sockets.of("speaker").frames).toEqual([
    {
      type: "sessionCreated",
      timestamp: midnight,
      sessionId,
      sourceLanguage: "de",
      qualityTier: "premium",
      connectionId: "speaker",
      expiresAt: midnight + 2 * hour,
      ticket: ticketFor(sessionId, "speaker", { role: "speaker", expiresAt: midnight + 2 * hour }),
    },
  ]);
});

test("rule 2: a listener's first frame is sessionJoined", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await welcomeOf("listener");
  expect(stage.sockets.of("listener").frames).toEqual([
    {
      type: "sessionJoined",
      timestamp: midnight,
      sessionId,
      targetLanguage: "es",
      sourceLanguage: "en",
      connectionId: "listener",
      ticket: ticketFor(sessionId, "listener", { expiresAt: midnight + 2 * hour }),
    },
  ]);
});

test("every first frame is of the protocol", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.refresh(sessionId, "listener", "next", { ticket: ticketFor(sessionId, "listener") });
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  for (const id of ["listener", "newer", "next", "refused"]) {
    await welcomeOf(id);
    const [frame] = stage.sockets.of(id).frames;
    expect(v.parse(serverFrameSchema, frame)).toEqual(frame);
  }
});

test("a socket that is not open yet is tried again until it is", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  stage.sockets.opening("listener", 2);
  await welcomeOf("listener");
  expect(stage.sockets.types("listener")).toEqual(["sessionJoined"]);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test.each([
  ["after three seconds of trying", 0, 2_999],
  ["when it is ten seconds old", 8_000, 1_999],
])(
  "a listener whose socket never opens is forgotten %s, and its seat is free again",
  async (_, age, tried) => {
    const sessionId = await stage.create();
    await stage.join(sessionId, "listener");
    stage.sockets.drop("listener");
    stage.pass(age);
    let sends = 0;
    stage.sockets.beforeSend(() => {
      sends += 1;
      if (sends === 2) stage.pass(tried);
      if (sends === 3) stage.pass(1);
    });
    await welcomeOf("listener");
    expect(sends).toBe(3);
    // Closed as well, because the socket may still open later, without a row.
    expect(stage.sockets.of("listener").closes).toBe(1);
    expect(await stage.connection("listener")).toBeUndefined();
    expect((await stage.session(sessionId)).listenerCount).toBe(0);
  },
);

test("rule 4: a speaker whose socket never opens is lost: its session has the grace period to be refreshed", async () => {
  const sessionId = await stage.create();
  stage.sockets.drop("speaker");
  stage.pass(10_000);
  await welcomeOf("speaker");
  expect(await stage.connection("speaker")).toBeUndefined();
  expect(await stage.session(sessionId)).toMatchObject({ isActive: true, graceUntil: stage.now() + 30_000 });
});

const insertionOf = (after: RowChange["after"]): RowChange => ({
  eventName: "INSERT",
  before: undefined,
  after,
  byTtl: false,
  changedAt: stage.now(),
});

test("an insertion is welcomed for five minutes; an older record, a change or a removal is not", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  const after = await stage.connection("listener");
  const inserted = insertionOf(after);
  await onConnectionChange(stage.core, { ...inserted, eventName: "MODIFY" });
  await onConnectionChange(stage.core, { ...inserted, eventName: "REMOVE", before: after, after: undefined });
  stage.pass(5 * minute + 1);
  await onConnectionChange(stage.core, inserted);
  expect(stage.sockets.types("listener")).toEqual([]);
  await onConnectionChange(stage.core, { ...inserted, changedAt: inserted.changedAt + 1 });
  expect(stage.sockets.types("listener")).toEqual(["sessionJoined"]);
});

test("an unreadable row is logged and skipped, so that it delays no other welcome", async () => {
  const after = { connectionId: "of a later version", role: "interpreter" };
  await onConnectionChange(stage.core, insertionOf(after));
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "error" }));
});

test("rule 4: a listener that joins in a grace period hears that the speaker is reconnecting", async () => {
  const sessionId = await stage.create();
  await stage.leave("speaker", 1001);
  await stage.join(sessionId, "listener");
  await welcomeOf("listener");
  expect(stage.sockets.types("listener")).toEqual(["sessionJoined", "speakerReconnecting"]);
});

test("a connection that leaves before its welcome gets none", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  const row = await stage.connection("listener");
  if (!row) throw new Error("The listener has a row");
  await stage.leave("listener", 1001);
  stage.forgetRequests();
  await welcome(stage.core, row);
  expect(stage.sockets.types("listener")).toEqual([]);
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
  expect(stage.requests()).toEqual(["GetItem", "GetItem"]);
});

test("rule 4: a listener that joins while the session ends gets sessionEnded first, and is closed and removed", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await endSession(stage.core, "speaker");
  await welcomeOf("listener");
  expect(stage.sockets.types("listener")).toEqual(["sessionEnded"]);
  expect(frameOf(stage, "listener", "sessionEnded").reason).toBe("ended");
  expect(stage.sockets.of("listener")).toMatchObject({ open: false, closes: 1 });
  expect(await stage.connection("listener")).toBeUndefined();
});

test("a listener that joins while the session ends gets sessionEnded once its socket is open", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await endSession(stage.core, "speaker");
  stage.sockets.opening("listener", 1);
  await welcomeOf("listener");
  expect(stage.sockets.types("listener")).toEqual(["sessionEnded"]);
  expect(await stage.connection("listener")).toBeUndefined();
});

test("a session whose row is gone has expired", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  stage.pass(2 * hour + minute);
  await stage.sweep();
  await welcomeOf("listener");
  expect(frameOf(stage, "listener", "sessionEnded")).toMatchObject({ sessionId, reason: "expired" });
});

test("rule 11: the old socket is closed only after the new one got its connectionRefreshComplete", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "old");
  await stage.refresh(sessionId, "listener", "new", { ticket: ticketFor(sessionId, "old") });
  stage.sockets.opening("new", 1);
  const openAtSend: boolean[] = [];
  stage.sockets.beforeSend(() => openAtSend.push(stage.sockets.of("old").open));
  await welcomeOf("new");
  expect(openAtSend).toEqual([true, true]);
  expect(stage.sockets.types("new")).toEqual(["connectionRefreshComplete"]);
  expect(stage.sockets.of("old")).toMatchObject({ open: false, closes: 1 });
  expect(await stage.connection("old")).toBeUndefined();
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("rule 11: a refresh whose new socket never opens leaves the old one as it is", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "old");
  await stage.refresh(sessionId, "listener", "new", { ticket: ticketFor(sessionId, "old") });
  stage.sockets.drop("new");
  stage.pass(10_000);
  await welcomeOf("new");
  expect(stage.sockets.of("old")).toMatchObject({ open: true, closes: 0 });
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("rule 16: a welcome that comes twice tells twice and changes nothing more", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "old");
  await stage.refresh(sessionId, "listener", "new", { ticket: ticketFor(sessionId, "old") });
  await welcomeOf("new");
  await welcomeOf("new");
  expect(stage.sockets.types("new")).toEqual(["connectionRefreshComplete", "connectionRefreshComplete"]);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("a refused client whose socket opens late still gets its refusal, then is closed", async () => {
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  stage.sockets.opening("refused", 2);
  await welcomeOf("refused");
  expect(stage.sockets.types("refused")).toEqual(["error"]);
  expect(stage.sockets.of("refused").closes).toBe(1);
  expect(await violations(stage)).toEqual([]);
});

test("a welcome that cannot be sent fails, so that the stream retries it, and no row is removed", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  stage.sockets.fail("listener");
  await expect(welcomeOf("listener")).rejects.toMatchObject({ name: "SocketError" });
  expect(await stage.connection("listener")).toBeDefined();
});

test("rule 21: a welcome during an outage fails as a refusal that can be tried again", async () => {
  await stage.create();
  stage.inject({ kind: "unreachable", match: { operation: "GetItem" } });
  await expect(welcomeOf("speaker")).rejects.toBeInstanceOf(Failure);
});
