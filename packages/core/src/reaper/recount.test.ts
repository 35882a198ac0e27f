import { expect, test } from "vitest";
import { minute, second, useStage } from "../testing/index.js";
import { reap } from "./reap.js";

const stage = await useStage();

const miscount = async (listenerCount: number): Promise<void> => {
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount });
};

test.each([0, 1, 5, 499])(
  "rule 9: a wrong count of %i is corrected, and the drift reported",
  async (wrong) => {
    const sessionId = await stage.opened("a", "b");
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
  const sessionId = await stage.opened("a");
  await miscount(7);
  stage.pass(30 * second);
  expect((await reap(stage.core)).drift).toBe(0);
  stage.pass(1);
  expect((await reap(stage.core)).drift).toBe(6);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("rule 9: a seat taken while the reaper counts is not counted away", async () => {
  const sessionId = await stage.opened("a");
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
  const sessionId = await stage.opened("a");
  await miscount(7);
  stage.pass(minute);
  const end = stage.inject({ kind: "unreachable", match: { operation: "UpdateItem" } });
  expect(await reap(stage.core)).toMatchObject({ drift: 0, totalListeners: 1 });
  end();
  expect((await reap(stage.core)).drift).toBe(6);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("a session with a listener whose row cannot be read is not recounted without it", async () => {
  const sessionId = await stage.opened("a", "b");
  const row = await stage.connection("b");
  await stage.plant("connections", { ...row, targetLanguage: "of a later version" });
  stage.pass(minute);
  expect(await reap(stage.core)).toMatchObject({ drift: 0, dismissed: 0 });
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
});
