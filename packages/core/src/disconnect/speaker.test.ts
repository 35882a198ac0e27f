import { expect, test } from "vitest";
import * as SessionTable from "../store/session.table.js";
import { midnight, minute, useStage, violations } from "../testing/index.js";
import { onSpeakerGone } from "./speaker.js";

const stage = await useStage();

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
