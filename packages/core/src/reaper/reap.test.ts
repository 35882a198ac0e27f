import { expect, test } from "vitest";
import type { Core } from "../port/core.js";
import { connectionRow, hour, midnight, minute, useStage, violations } from "../testing/index.js";
import { reap } from "./reap.js";

const stage = await useStage();

const nothing = { ended: 0, dismissed: 0, silenced: 0, drift: 0, left: 0 };

test("a healthy system is counted and left alone", async () => {
  const sessionId = await stage.opened("a", "b");
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

test("a failure of the reaper is measured, and its log line names the row", async () => {
  const sessionId = await stage.opened("listener");
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

test("a session whose row cannot be read keeps its listeners", async () => {
  const sessionId = await stage.opened("a");
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, qualityTier: "of a later version" });
  stage.pass(minute);
  expect((await reap(stage.core)).dismissed).toBe(0);
  expect(stage.sockets.opened().sort()).toEqual(["a", "speaker"]);
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "error" }));
  await stage.plant("sessions", { ...row, sessionId });
  expect(await violations(stage)).toEqual([]);
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

const silent = (connectionId: string, at = midnight) => {
  stage.sockets.of(connectionId).lastActiveAt = at;
};

test("two reapers at once do everything once", async () => {
  const expired = await stage.create("old");
  stage.pass(hour);
  const sessionId = await stage.opened("a", "b", "c");
  await miscount(sessionId, 9);
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

const miscount = async (sessionId: string, listenerCount: number): Promise<void> => {
  await stage.plant("sessions", { ...(await stage.session(sessionId)), listenerCount });
};
