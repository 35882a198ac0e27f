import { expect, test } from "vitest";
import { onDisconnect } from "../disconnect/connection.js";
import { beat } from "../heartbeat/heartbeat.js";
import type { Core } from "../port/core.js";
import * as SessionTable from "../store/session.table.js";
import {
  connectionRow,
  frameOf,
  hour,
  midnight,
  minute,
  second,
  useStage,
  violations,
} from "../testing/index.js";
import { reap } from "./reap.js";

const stage = await useStage();

const opened = async (...listeners: string[]) => {
  const sessionId = await stage.create();
  for (const id of listeners) await stage.join(sessionId, id);
  await stage.deliver();
  return sessionId;
};

const nothing = { ended: 0, dismissed: 0, silenced: 0, drift: 0 };

test("a healthy system is counted and left alone", async () => {
  const sessionId = await opened("a", "b");
  await stage.create("another");
  await stage.deliver();
  stage.pass(minute);
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  expect(await reap(stage.core)).toEqual({ ...nothing, activeSessions: 2, totalListeners: 2 });
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
  expect(stage.sockets.opened().sort()).toEqual(["a", "another", "b", "speaker"]);
  expect((await stage.session(sessionId)).isActive).toBe(true);
});

test("an empty system is no fault", async () => {
  expect(await reap(stage.core)).toEqual({ ...nothing, activeSessions: 0, totalListeners: 0 });
});

test("rule 6: a session is ended at its expiry and its listeners told, and not a millisecond before", async () => {
  const sessionId = await opened("listener");
  const by = stage.with({ heartbeatTimeoutSeconds: 100_000 });
  stage.pass(2 * hour - 1);
  expect((await reap(by)).ended).toBe(0);
  stage.pass(1);
  expect((await reap(by)).ended).toBe(1);
  await stage.deliver();
  expect(frameOf(stage, "listener", "sessionEnded")).toMatchObject({ sessionId, reason: "expired" });
  expect(await violations(stage)).toEqual([]);
});

test("rule 6: a session that was refreshed between the reaper's read and its write goes on", async () => {
  const sessionId = await opened();
  stage.pass(2 * hour - 1000);
  const slow = stage.process(async ({ name }) => {
    if (name !== "UpdateItem") return;
    const [row] = await stage.rows("sessions");
    await stage.plant("sessions", { ...row, expiresAt: (stage.now() + 2 * hour) / 1000 });
  });
  stage.pass(1000);
  expect((await reap(slow)).ended).toBe(0);
  expect((await stage.session(sessionId)).isActive).toBe(true);
});

test("rule 4: a grace that is over ends the session as speakerLost, one millisecond before not", async () => {
  const sessionId = await opened("listener");
  await stage.leave("speaker", 1001);
  stage.pass(30 * second - 1);
  expect((await reap(stage.core)).ended).toBe(0);
  stage.pass(1);
  expect((await reap(stage.core)).ended).toBe(1);
  await stage.deliver();
  expect(frameOf(stage, "listener", "sessionEnded")).toMatchObject({ reason: "speakerLost" });
  expect(await stage.session(sessionId)).toMatchObject({ endReason: "speakerLost", listenerCount: 0 });
  expect(await violations(stage)).toEqual([]);
});

test("rule 4: a speaker's return at the last moment wins over the reaper's older read", async () => {
  const sessionId = await opened();
  await stage.leave("speaker", 1001);
  stage.pass(30 * second);
  const slow = stage.process(async ({ name }) => {
    if (name === "UpdateItem") await stage.refresh(sessionId, "speaker", "newer");
  });
  expect((await reap(slow)).ended).toBe(0);
  expect(await stage.session(sessionId)).toMatchObject({ isActive: true, speakerConnectionId: "newer" });
});

test("rule 4: a speaker that came back and was lost again gets a new grace period", async () => {
  const sessionId = await opened();
  await stage.leave("speaker", 1001);
  stage.pass(30 * second);
  const slow = stage.process(async ({ name }) => {
    if (name !== "UpdateItem") return;
    await stage.refresh(sessionId, "speaker", "newer");
    await stage.leave("newer", 1001);
  });
  expect((await reap(slow)).ended).toBe(0);
  expect(await stage.session(sessionId)).toMatchObject({ graceUntil: stage.now() + 30 * second });
});

test("rule 10: connections older than the stage's longest duration are closed, and not a millisecond before", async () => {
  const sessionId = await opened("listener");
  const by = stage.with({ connectionMaxDurationHours: 0.5, heartbeatTimeoutSeconds: 100_000 });
  stage.pass(hour / 2);
  await reap(by);
  expect(stage.sockets.opened().sort()).toEqual(["listener", "speaker"]);
  stage.pass(1);
  await reap(by);
  expect(stage.sockets.opened()).toEqual([]);
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: true,
    graceUntil: stage.now() + 30 * second,
    listenerCount: 0,
  });
});

test("rule 11: a speaker's connection that another has replaced is closed, though no stream said so", async () => {
  const sessionId = await opened();
  await stage.refresh(sessionId, "speaker", "newer");
  await SessionTable.confirmSpeaker(stage.core, sessionId, "newer");
  stage.changes();
  stage.pass(minute - 1);
  await reap(stage.core);
  expect(stage.sockets.opened().sort()).toEqual(["newer", "speaker"]);
  stage.pass(1);
  await reap(stage.core);
  expect(stage.sockets.opened()).toEqual(["newer"]);
  expect(await violations(stage)).toEqual([]);
});

test("a session that another's speaker is named in is given up, even though that connection has a row", async () => {
  const sessionId = await opened();
  const twin = { ...(await stage.session(sessionId)), sessionId: "golden-eagle-427" };
  await stage.plant("sessions", twin);
  stage.pass(minute);
  await reap(stage.core);
  expect(await stage.session(twin.sessionId)).toMatchObject({ graceUntil: stage.now() + 30 * second });
  expect((await stage.session(sessionId)).graceUntil).toBeUndefined();
});

test("a failure of the reaper is measured, and its log line names the row", async () => {
  const sessionId = await opened("listener");
  for (const id of ["speaker", "listener"]) stage.sockets.fail(id);
  stage.pass(2 * minute);
  stage.measured.length = 0;
  await reap(stage.core);
  expect(stage.measured.filter(({ name }) => name === "BackgroundErrors")).toHaveLength(2);
  const left = stage.log().filter(({ message }) => message === "Left to the next run");
  expect(left.map(({ fields }) => fields)).toEqual([
    { sessionId, connection: expect.any(String), error: expect.any(Error) },
    { sessionId, connection: expect.any(String), error: expect.any(Error) },
  ]);
});

test("a session whose speaker has had no row for a minute begins its grace, then ends", async () => {
  const sessionId = await opened("listener");
  await onDisconnect(stage.dying(1), "speaker", { code: 1000, ageMs: 0 }).catch(() => undefined);
  stage.sockets.drop("speaker");
  stage.pass(minute - 1);
  await reap(stage.core);
  expect((await stage.session(sessionId)).graceUntil).toBeUndefined();
  stage.pass(1);
  expect((await reap(stage.core)).ended).toBe(0);
  expect((await stage.session(sessionId)).graceUntil).toBe(midnight + 90 * second);
  await stage.deliver();
  expect(stage.sockets.types("listener")).toEqual(["sessionJoined", "speakerReconnecting"]);
  stage.pass(minute);
  expect((await reap(stage.core)).ended).toBe(1);
  await stage.deliver();
  expect(frameOf(stage, "listener", "sessionEnded").reason).toBe("speakerLost");
});

test("a speaker's row that came while the reaper was reading keeps its session", async () => {
  const sessionId = await opened();
  const row = await stage.connection("speaker");
  if (!row) throw new Error("The speaker has a row");
  await onDisconnect(stage.dying(1), "speaker", { code: 1000, ageMs: 0 }).catch(() => undefined);
  stage.pass(minute);
  const slow = stage.process(async ({ name }) => {
    if (name === "GetItem") await stage.plant("connections", row);
  });
  await reap(slow);
  expect((await stage.session(sessionId)).graceUntil).toBeUndefined();
});

test("rule 4: the reaper tells, closes and removes the listeners that an announcement missed", async () => {
  const sessionId = await opened("a", "b");
  await SessionTable.end(stage.core, sessionId, "ended", { speakerConnectionId: "speaker" });
  stage.changes();
  expect((await reap(stage.core)).dismissed).toBe(3);
  for (const id of ["a", "b", "speaker"]) {
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ reason: "ended" });
  }
  expect(await violations(stage)).toEqual([]);
});

test("rows whose session is gone altogether have expired with it", async () => {
  await opened("a");
  await stage.plant("connections", {
    ...connectionRow({ connectionId: "orphan", sessionId: "golden-eagle-427", role: "speaker" }),
  });
  stage.sockets.open("orphan");
  stage.pass(20 * second);
  expect((await reap(stage.core)).dismissed).toBe(1);
  expect(frameOf(stage, "orphan", "sessionEnded")).toMatchObject({ reason: "expired" });
  expect(await violations(stage)).toEqual([]);
});

test("a row that is lost while its socket may still open is left to its welcome for ten seconds", async () => {
  const sessionId = await opened("a");
  await SessionTable.end(stage.core, sessionId, "ended", { speakerConnectionId: "speaker" });
  stage.changes();
  stage.sockets.drop("a");
  expect((await reap(stage.core)).dismissed).toBe(1);
  expect(await stage.connection("a")).toBeDefined();
  stage.pass(10 * second);
  expect((await reap(stage.core)).dismissed).toBe(1);
  expect(await violations(stage)).toEqual([]);
});

test("a refused client that got no frame gets it after a minute, and is closed", async () => {
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  stage.changes();
  stage.pass(minute);
  expect((await reap(stage.core)).dismissed).toBe(0);
  stage.pass(1);
  expect((await reap(stage.core)).dismissed).toBe(1);
  expect(frameOf(stage, "refused", "error").code).toBe("INVALID_ACTION");
  expect(await violations(stage)).toEqual([]);
});

test("a session whose row cannot be read keeps its listeners", async () => {
  const sessionId = await opened("a");
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, qualityTier: "of a later version" });
  stage.pass(minute);
  expect((await reap(stage.core)).dismissed).toBe(0);
  expect(stage.sockets.opened().sort()).toEqual(["a", "speaker"]);
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "error" }));
  await stage.plant("sessions", { ...row, sessionId });
  expect(await violations(stage)).toEqual([]);
});

test("a session with a listener whose row cannot be read is not recounted without it", async () => {
  const sessionId = await opened("a", "b");
  const row = await stage.connection("b");
  await stage.plant("connections", { ...row, targetLanguage: "of a later version" });
  stage.pass(minute);
  expect(await reap(stage.core)).toMatchObject({ drift: 0, dismissed: 0 });
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
});

test("one session that cannot be ended does not stop the rest of the run", async () => {
  const first = await stage.create("a");
  const second = await stage.create("b");
  await stage.deliver();
  stage.pass(2 * hour);
  // The three faults strike all tries of whichever session comes first.
  stage.inject({ kind: "throttle", match: { operation: "UpdateItem" }, times: 3 });
  await reap(stage.core);
  await reap(stage.core);
  for (const id of [first, second]) expect((await stage.session(id)).isActive).toBe(false);
});

/** Sends a heartbeat of this connection now. */
const beats = (connectionId: string): Promise<unknown> =>
  beat(stage.core, { connectionId, connectedAt: midnight });

const silent = (connectionId: string, at = midnight) => {
  stage.sockets.of(connectionId).lastActiveAt = at;
};

test("rule 12: a listener silent for more than 90 s is closed and its seat freed; at 90 s it is not", async () => {
  const sessionId = await opened("listener");
  await beats("speaker");
  silent("listener");
  stage.pass(90 * second);
  expect((await reap(stage.core)).silenced).toBe(0);
  stage.pass(1);
  expect((await reap(stage.core)).silenced).toBe(1);
  expect(stage.sockets.of("listener")).toMatchObject({ open: false, closes: 1 });
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
  expect(await violations(stage)).toEqual([]);
});

test("rule 12: a connection with heartbeats is not silent, and API Gateway is not even asked about it", async () => {
  await opened("listener");
  for (let n = 0; n < 10; n += 1) {
    stage.pass(30 * second);
    await beats("listener");
    await beats("speaker");
  }
  for (const id of ["listener", "speaker"]) silent(id);
  const by = stage.process(() => undefined);
  expect((await reap(by)).silenced).toBe(0);
  expect(by.calls.filter(({ name }) => name === "lastActiveAt")).toEqual([]);
});

test("rule 12: a connection without heartbeats but with other traffic is not silent", async () => {
  await opened("listener");
  stage.pass(hour);
  silent("listener", stage.now() - 90 * second);
  expect((await reap(stage.core)).silenced).toBe(0);
});

test("rule 12: a listener that vanished without a $disconnect is removed, and its seat released", async () => {
  const sessionId = await opened("listener");
  stage.sockets.drop("listener");
  stage.pass(91 * second);
  expect((await reap(stage.core)).silenced).toBe(1);
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
  expect(await violations(stage)).toEqual([]);
});

test("rule 4: a silent speaker is lost, not gone: our own close of its socket does not end the session", async () => {
  const sessionId = await opened("listener");
  silent("speaker");
  stage.pass(91 * second);
  expect((await reap(stage.core)).silenced).toBe(1);
  expect(stage.sockets.of("speaker").closes).toBe(1);
  // API Gateway reports our close as 1000.
  await onDisconnect(stage.core, "speaker", { code: 1000, ageMs: 91 * second });
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: true,
    graceUntil: stage.now() + 30 * second,
  });
  await stage.deliver();
  expect(stage.sockets.types("listener").slice(1)).toEqual(["speakerReconnecting"]);
});

test("rule 4: the report of a silent speaker's closing may even come before the reaper is done", async () => {
  const sessionId = await opened();
  silent("speaker");
  stage.pass(91 * second);
  const by = stage.process(async ({ name, target }) => {
    if (name !== "DeleteItem" || target !== stage.tables.connections) return;
    await onDisconnect(stage.core, "speaker", { code: 1000, ageMs: 91 * second });
  });
  await reap(by);
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: true,
    graceUntil: stage.now() + 30 * second,
  });
});

test("rule 5: a listener that leaves while the reaper closes it releases its seat once", async () => {
  const sessionId = await opened("a", "b", "c");
  silent("a");
  stage.pass(91 * second);
  const by = stage.process(async ({ name, target }) => {
    if (name === "DeleteItem" && target === stage.tables.connections) await stage.leave("a", 1000);
  });
  await reap(by);
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
});

test("rule 21: when liveness cannot be read, only API Gateway's lastActiveAt counts", async () => {
  const sessionId = await opened("alive", "silent");
  stage.pass(91 * second);
  silent("silent");
  await beats("silent");
  stage.inject({ kind: "unreachable", match: { operation: "BatchGetItem" } });
  expect((await reap(stage.core)).silenced).toBe(1);
  expect(await stage.connection("silent")).toBeUndefined();
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn" }));
});

test("a connection whose lastActiveAt cannot be read is left to the next run, the others are not", async () => {
  await opened("unknown", "silent");
  stage.pass(91 * second);
  for (const id of ["unknown", "silent"]) silent(id);
  stage.sockets.fail("unknown");
  expect((await reap(stage.core)).silenced).toBe(1);
  expect(await stage.connection("unknown")).toBeDefined();
});

test("rule 12: more connections than a batch holds are all looked at", async () => {
  const sessionId = await stage.create();
  const ids = Array.from({ length: 120 }, (_, n) => `listener ${n}`);
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount: 120 });
  await stage.plant(
    "connections",
    ...ids.map((connectionId) =>
      connectionRow({ connectionId, sessionId, role: "listener", targetLanguage: "es" }),
    ),
  );
  stage.pass(91 * second);
  for (const id of ids) stage.sockets.open(id);
  silent("listener 0");
  silent("listener 119");
  expect((await reap(stage.core)).silenced).toBe(2);
  expect((await stage.session(sessionId)).listenerCount).toBe(118);
});

const miscount = async (listenerCount: number): Promise<void> => {
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount });
};

test.each([0, 1, 5, 499])(
  "rule 9: a wrong count of %i is corrected, and the drift reported",
  async (wrong) => {
    const sessionId = await opened("a", "b");
    await miscount(wrong);
    stage.pass(31 * second);
    expect((await reap(stage.core)).drift).toBe(Math.abs(wrong - 2));
    expect((await stage.session(sessionId)).listenerCount).toBe(2);
    expect((await reap(stage.core)).drift).toBe(0);
    stage.pass(1);
    await stage.leave("a", 1001);
    expect((await stage.session(sessionId)).listenerCount).toBe(1);
  },
);

test("rule 9: a session is recounted only when its seats have not moved for more than 30 s", async () => {
  const sessionId = await opened("a");
  await miscount(7);
  stage.pass(30 * second);
  expect((await reap(stage.core)).drift).toBe(0);
  stage.pass(1);
  expect((await reap(stage.core)).drift).toBe(6);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("rule 9: a seat taken while the reaper counts is not counted away", async () => {
  const sessionId = await opened("a");
  await miscount(7);
  stage.pass(minute);
  let joined = false;
  const slow = stage.process(async ({ name }) => {
    if (name !== "UpdateItem" || joined) return;
    joined = true;
    await stage.join(sessionId, "b");
  });
  await reap(slow);
  expect((await stage.session(sessionId)).listenerCount).toBe(8);
  stage.pass(minute);
  await reap(stage.core);
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
});

test("rule 9: a count that cannot be corrected now spoils nothing else of the run", async () => {
  const sessionId = await opened("a");
  await miscount(7);
  stage.pass(minute);
  const end = stage.inject({ kind: "unreachable", match: { operation: "UpdateItem" } });
  expect(await reap(stage.core)).toMatchObject({ drift: 0, totalListeners: 1 });
  end();
  expect((await reap(stage.core)).drift).toBe(6);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("two reapers at once do everything once", async () => {
  const expired = await stage.create("old");
  stage.pass(hour);
  const sessionId = await opened("a", "b", "c");
  await miscountOf(sessionId, 9);
  stage.pass(hour);
  await stage.plant("connections", {
    ...connectionRow({ connectionId: "orphan", sessionId: "golden-eagle-427", role: "speaker" }),
  });
  silent("a");
  const both = await Promise.all([reap(stage.core), reap(stage.core)]);
  await stage.deliver();
  expect(both.map(({ ended }) => ended).sort()).toEqual([0, 1]);
  expect((await stage.session(expired)).isActive).toBe(false);
  stage.pass(minute);
  await Promise.all([reap(stage.core), reap(stage.core)]);
  await stage.deliver();
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
  expect(await violations(stage)).toEqual([]);
});

const miscountOf = async (sessionId: string, listenerCount: number): Promise<void> => {
  await stage.plant("sessions", { ...(await stage.session(sessionId)), listenerCount });
};

test("only the reaper scans", async () => {
  const by = stage.process(() => undefined);
  const sessionId = await stage.create("speaker", { by });
  await stage.join(sessionId, "listener", { by });
  await stage.deliver(by);
  await stage.leave("listener", 1001, by);
  await stage.leave("speaker", 1000, by);
  await stage.deliver(by);
  expect(by.calls.map(({ name }) => name)).not.toContain("Scan");
  await reap(by satisfies Core);
  expect(by.calls.filter(({ name }) => name === "Scan")).toHaveLength(2);
});
