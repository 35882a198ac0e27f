import { expect, test } from "vitest";
import { endSession } from "../message/speaker.js";
import { reap } from "../reaper/reap.js";
import * as ConnectionTable from "../store/connection.table.js";
import type { RowChange } from "../store/row-change.js";
import * as SessionTable from "../store/session.table.js";
import { connectionRow, frameOf, hour, midnight, minute, useStage, violations } from "../testing/index.js";
import { announce, changeOf, onSessionChange } from "./announce.js";

const stage = await useStage();

const active: SessionTable.Session = {
  sessionId: "golden-eagle-427",
  speakerUserId: "alice",
  speakerConnectionId: "speaker",
  speakerSince: midnight,
  sourceLanguage: "en",
  qualityTier: "standard",
  sharedNetwork: false,
  createdAt: midnight,
  isActive: true,
  listenerCount: 0,
  seatsChangedAt: midnight,
  expiresAt: (midnight + 2 * hour) / 1000,
};
const graced = { ...active, graceUntil: midnight + 30_000 };
const ended = { ...active, isActive: false, endReason: "ended" as const };
const graceEnded = { ...graced, isActive: false, endReason: "speakerLost" as const };

test.each([
  ["a new session", undefined, active, undefined],
  ["a seat", active, { ...active, listenerCount: 1 }, undefined],
  ["a new speaker", active, { ...active, speakerConnectionId: "newer" }, undefined],
  ["the end", active, ended, "ended"],
  ["the end in a grace period", graced, graceEnded, "ended"],
  ["a row that went while active", active, undefined, "ended"],
  ["a row that went in a grace period", graced, undefined, "ended"],
  ["a row that went after the end", ended, undefined, undefined],
  ["a change after the end", ended, { ...ended, expiresAt: 1 }, undefined],
  ["a grace period", active, graced, "speakerReconnecting"],
  ["a seat during the grace period", graced, { ...graced, listenerCount: 1 }, undefined],
  ["the speaker's return", graced, active, "speakerReconnected"],
] as const)("rule 4: %s means to the listeners", (_, before, after, change) => {
  expect(changeOf(before, after)).toBe(change);
});

/** A session with this many connected listeners. */
const hall = async (size: number, padding = ""): Promise<string[]> => {
  const ids = Array.from({ length: size }, (_, n) => `listener ${n}`);
  await stage.plant("sessions", { ...active, listenerCount: size });
  await stage.plant(
    "connections",
    connectionRow({ connectionId: "speaker", sessionId: active.sessionId, role: "speaker" }),
    ...ids.map((connectionId, n) => ({
      ...connectionRow({
        connectionId,
        sessionId: active.sessionId,
        role: "listener",
        targetLanguage: n % 2 ? "es" : "de",
      }),
      padding,
    })),
  );
  for (const id of ["speaker", ...ids]) stage.sockets.open(id);
  return ids;
};

const end = async (reason: "ended" | "speakerLost" = "ended") => {
  await SessionTable.end(stage.core, active.sessionId, reason, { speakerConnectionId: "speaker" });
  return stage.session(active.sessionId);
};

test("rule 4: at the end each of 120 listeners on several pages of the index is told, closed and removed", async () => {
  // DynamoDB pages a query's answer at 1 MB.
  const ids = await hall(120, "x".repeat(20_000));
  let pages = 0;
  for await (const page of ConnectionTable.listeners(stage.core, active.sessionId)) {
    pages += 1;
    expect(page.length).toBeLessThan(120);
  }
  expect(pages).toBeGreaterThan(1);
  await announce(stage.core, "ended", await end());
  for (const id of ids) {
    expect(stage.sockets.types(id)).toEqual(["sessionEnded"]);
    expect(stage.sockets.of(id)).toMatchObject({ open: false, closes: 1 });
  }
  expect(frameOf(stage, "speaker", "sessionEnded")).toMatchObject({ reason: "ended" });
  expect(await stage.rows("connections")).toEqual([]);
  expect(await violations(stage)).toEqual([]);
});

test("rule 4: each end reason has its own message", async () => {
  const messages = new Set<string>();
  for (const reason of ["speakerLeft", "speakerLost", "expired", "ended"] as const) {
    await hall(1);
    await announce(stage.core, "ended", { ...ended, endReason: reason });
    const frame = stage.sockets.of("listener 0").frames.at(-1);
    expect(frame).toMatchObject({ type: "sessionEnded", reason });
    if (frame?.type === "sessionEnded") messages.add(frame.message);
  }
  expect(messages.size).toBe(4);
});

test("a listener that is gone, and one that cannot be reached, hold up nobody", async () => {
  const ids = await hall(60);
  stage.pass(minute);
  stage.sockets.drop("listener 3");
  stage.sockets.fail("listener 4");
  await announce(stage.core, "ended", await end());
  for (const id of ids.filter((id) => id !== "listener 3" && id !== "listener 4")) {
    expect(stage.sockets.types(id)).toEqual(["sessionEnded"]);
  }
  // The row of the one that is gone is deleted; the other is left to the reaper.
  expect((await stage.rows("connections")).map(({ connectionId }) => connectionId)).toEqual(["listener 4"]);
  stage.sockets.of("listener 4").failure = undefined;
  await reap(stage.core);
  expect(stage.sockets.types("listener 4")).toEqual(["sessionEnded"]);
  expect(await violations(stage)).toEqual([]);
});

test.each([[429], [500], [undefined]])(
  "rule 4: at the end a listener is closed and forgotten although its last frame failed with %s",
  async (status) => {
    const ids = await hall(3);
    stage.pass(minute);
    stage.sockets.takeNoFrame("listener 1", status);
    await announce(stage.core, "ended", await end());
    expect(stage.sockets.of("listener 1")).toMatchObject({ closes: 1, open: false });
    expect(await stage.rows("connections")).toEqual([]);
    for (const id of ids.filter((id) => id !== "listener 1")) {
      expect(stage.sockets.types(id)).toEqual(["sessionEnded"]);
    }
    expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn" }));
    expect(await violations(stage)).toEqual([]);
  },
);

test("a speaker that cannot be reached at the end is left to the reaper: no client makes a record fail", async () => {
  await hall(1);
  stage.sockets.fail("speaker");
  await announce(stage.core, "ended", await end());
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn" }));
  stage.sockets.of("speaker").failure = undefined;
  await reap(stage.core);
  expect(frameOf(stage, "speaker", "sessionEnded").reason).toBe("ended");
  expect(await violations(stage)).toEqual([]);
});

test("a listener whose socket is not open yet is left to its welcome", async () => {
  await hall(2);
  stage.sockets.drop("listener 0");
  await announce(stage.core, "ended", await end());
  expect(stage.sockets.of("listener 0").closes).toBe(0);
  expect(await stage.connection("listener 0")).toBeDefined();
  expect(await stage.connection("listener 1")).toBeUndefined();
});

test("an end that is announced twice is no fault", async () => {
  await hall(3);
  const session = await end();
  await announce(stage.core, "ended", session);
  await announce(stage.core, "ended", session);
  expect(stage.sockets.types("listener 0")).toEqual(["sessionEnded"]);
});

test("rule 4: the listeners hear of a grace period, the speaker does not, and no socket is closed", async () => {
  await hall(3);
  await announce(stage.core, "speakerReconnecting", graced);
  await announce(stage.core, "speakerReconnected", active);
  expect(stage.sockets.types("listener 1")).toEqual(["speakerReconnecting", "speakerReconnected"]);
  expect(stage.sockets.of("listener 1").frames[0]).toEqual({
    type: "speakerReconnecting",
    timestamp: midnight,
    sessionId: active.sessionId,
  });
  expect(stage.sockets.types("speaker")).toEqual([]);
  expect(stage.sockets.opened()).toHaveLength(4);
});

test("only the session's own listeners hear of it", async () => {
  await hall(1);
  const other = await stage.create("another speaker");
  await stage.join(other, "another listener");
  await announce(stage.core, "ended", await end());
  expect(stage.sockets.types("another listener")).toEqual([]);
  expect(await stage.connection("another listener")).toBeDefined();
});

test("rule 6: a session that DynamoDB's TTL removed first has also ended for its listeners", async () => {
  await hall(2);
  stage.changes();
  stage.pass(2 * hour + 1000);
  await stage.sweep();
  await stage.deliver();
  for (const id of ["listener 0", "listener 1", "speaker"]) {
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ reason: "expired" });
  }
  expect(await violations(stage)).toEqual([]);
});

const sessionChange = (more: Partial<RowChange>): RowChange => ({
  eventName: "MODIFY",
  before: active,
  after: { ...active, isActive: false, endReason: "ended" },
  byTtl: false,
  changedAt: stage.now(),
  ...more,
});

test("a session that was withdrawn before anybody heard of it is no end; one that DynamoDB's TTL removed is", async () => {
  await hall(1);
  const removed = sessionChange({ eventName: "REMOVE", after: undefined });
  await onSessionChange(stage.core, removed);
  expect(stage.sockets.types("listener 0")).toEqual([]);
  await onSessionChange(stage.core, { ...removed, byTtl: true });
  expect(stage.sockets.types("listener 0")).toEqual(["sessionEnded"]);
});

test("a change is announced for five minutes; then the reaper has healed it", async () => {
  await hall(1);
  const change = sessionChange({});
  stage.pass(5 * minute + 1);
  await onSessionChange(stage.core, change);
  expect(stage.sockets.types("listener 0")).toEqual([]);
  await onSessionChange(stage.core, { ...change, changedAt: change.changedAt + 1 });
  expect(stage.sockets.types("listener 0")).toEqual(["sessionEnded"]);
});

test.each(["before", "after"] as const)(
  "a change whose image %s cannot be read is logged and passed over",
  async (which) => {
    await hall(1);
    const change = sessionChange({});
    await onSessionChange(stage.core, { ...change, [which]: { ...change[which], qualityTier: "later" } });
    expect(stage.sockets.types("listener 0")).toEqual([]);
    expect(stage.log()).toContainEqual(expect.objectContaining({ level: "error" }));
    expect(stage.measured).toContainEqual({ name: "BackgroundErrors", value: 1 });
  },
);

test("listeners that an announcement does not reach are measured", async () => {
  await hall(2);
  stage.sockets.fail("listener 0");
  stage.measured.length = 0;
  await announce(stage.core, "ended", await end());
  expect(stage.measured).toContainEqual({ name: "BackgroundErrors", value: 1 });
  expect(stage.sockets.types("listener 1")).toEqual(["sessionEnded"]);
});

test("rule 4: a session that ends while another connection takes over closes both", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "newer");
  await endSession(stage.core, "newer");
  stage.changes();
  await announce(stage.core, "ended", await stage.session(sessionId));
  for (const id of ["speaker", "newer"])
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ sessionId });
  expect(stage.sockets.opened()).toEqual([]);
});

test("rule 9: a listener that the index does not show yet is told by the reaper within its next run", async () => {
  const sessionId = await stage.create();
  const over = await stage.delayIndexes(60_000);
  try {
    await stage.join(sessionId, "late");
    await stage.deliver();
    await SessionTable.end(stage.core, sessionId, "ended", { speakerConnectionId: "speaker" });
    await stage.deliver();
    expect(stage.sockets.types("late")).toEqual(["sessionJoined"]);
    stage.pass(minute);
    await reap(stage.core);
    expect(stage.sockets.types("late")).toEqual(["sessionJoined", "sessionEnded"]);
    expect(await violations(stage)).toEqual([]);
  } finally {
    await over();
  }
});

test("rule 21: a fan-out during an outage fails, so that the stream brings it again", async () => {
  await hall(1);
  const session = await end();
  stage.inject({ kind: "unreachable", match: { operation: "Query" } });
  await expect(announce(stage.core, "ended", session)).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});

test("a listener with an unreadable row does not stop the others from being told", async () => {
  const [first, second] = await hall(2);
  await stage.plant("connections", {
    ...(await stage.connection(first ?? "")),
    targetLanguage: "of a later version",
  });
  await announce(stage.core, "ended", await end());
  expect(stage.sockets.types(second ?? "")).toEqual(["sessionEnded"]);
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "error" }));
});
