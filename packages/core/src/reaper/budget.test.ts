import { expect, test } from "vitest";
import { connectionRow, longestSequence, minute, second, useStage } from "../testing/index.js";
import { reap } from "./reap.js";

const stage = await useStage();

/** Opens a session with so many connected listeners, a few minutes ago, and returns their ids. */
const seated = async (count: number): Promise<string[]> => {
  const sessionId = await stage.opened();
  const ids = Array.from({ length: count }, (_, n) => `listener ${n}`);
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount: count });
  await stage.plant(
    "connections",
    ...ids.map((connectionId) =>
      connectionRow({ connectionId, sessionId, role: "listener", targetLanguage: "es" }),
    ),
  );
  for (const id of ids) stage.sockets.open(id);
  stage.pass(3 * minute);
  return ids;
};

test("a run without liveness stops in time, and the runs after it reach the connections that it left", async () => {
  const ids = await seated(59);
  stage.inject({ kind: "unreachable", match: { operation: "BatchGetItem" } });
  const asked = new Set<string>();
  const by = stage.process(({ name, target }) => {
    if (name !== "lastActiveAt") return;
    asked.add(target);
    stage.pass(second);
  });
  for (let run = 1; run <= 6; run += 1) {
    const startedAt = stage.now();
    const { left } = await reap(by, startedAt + 20 * second);
    expect({ left, took: stage.now() - startedAt }).toEqual({ left: 40, took: 20 * second });
    stage.pass(40 * second);
  }
  expect([...asked].sort()).toEqual([...ids, "speaker"].sort());
});

test("a run that is out of time has counted and healed the sessions, and says so", async () => {
  const ids = await seated(3);
  stage.sockets.drop("listener 0");
  stage.measured.length = 0;
  const by = stage.process(({ name }) => {
    if (name === "BatchGetItem") stage.pass(minute);
  });
  expect(await reap(by, stage.now() + minute)).toMatchObject({ totalListeners: 3, silenced: 0, left: 4 });
  expect(stage.measured).toContainEqual({ name: "ActiveSessions", value: 1 });
  expect(stage.measured).toContainEqual({ name: "TotalListeners", value: 3 });
  expect(stage.measured).toContainEqual({ name: "ReaperRuns", value: 1 });
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn", fields: { left: 4 } }));
  expect((await reap(stage.core)).silenced).toBe(1);
  expect(ids).toHaveLength(3);
});

test("liveness batches are read side by side", async () => {
  await seated(250);
  const by = stage.process(() => undefined);
  await reap(by);
  const batches = by.calls.filter(({ name }) => name === "BatchGetItem");
  expect(batches).toHaveLength(3);
  expect(longestSequence(batches)).toBe(1);
});
