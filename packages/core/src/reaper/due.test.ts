import { expect, test } from "vitest";
import { onDisconnect } from "../disconnect/connection.js";
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

test("rule 6: a session is ended at its expiry and its listeners told, and not a millisecond before", async () => {
  const sessionId = await stage.opened("listener");
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
  const sessionId = await stage.opened();
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
  const sessionId = await stage.opened("listener");
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
  const sessionId = await stage.opened();
  await stage.leave("speaker", 1001);
  stage.pass(30 * second);
  const slow = stage.process(async ({ name }) => {
    if (name === "UpdateItem") await stage.refresh(sessionId, "speaker", "newer");
  });
  expect((await reap(slow)).ended).toBe(0);
  expect(await stage.session(sessionId)).toMatchObject({ isActive: true, speakerConnectionId: "newer" });
});

test("rule 4: a speaker that came back and was lost again gets a new grace period", async () => {
  const sessionId = await stage.opened();
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

test("rule 11: a speaker's connection that another has replaced is closed, though no stream said so", async () => {
  const sessionId = await stage.opened();
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
  const sessionId = await stage.opened();
  const twin = { ...(await stage.session(sessionId)), sessionId: "golden-eagle-427" };
  await stage.plant("sessions", twin);
  stage.pass(minute);
  await reap(stage.core);
  expect(await stage.session(twin.sessionId)).toMatchObject({ graceUntil: stage.now() + 30 * second });
  expect((await stage.session(sessionId)).graceUntil).toBeUndefined();
});

test("a session whose speaker has had no row for a minute begins its grace, then ends", async () => {
  const sessionId = await stage.opened("listener");
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
  const sessionId = await stage.opened();
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
  const sessionId = await stage.opened("a", "b");
  await SessionTable.end(stage.core, sessionId, "ended", { speakerConnectionId: "speaker" });
  stage.changes();
  expect((await reap(stage.core)).dismissed).toBe(3);
  for (const id of ["a", "b", "speaker"]) {
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ reason: "ended" });
  }
  expect(await violations(stage)).toEqual([]);
});

test("rows whose session is gone altogether have expired with it", async () => {
  await stage.opened("a");
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
  const sessionId = await stage.opened("a");
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
