import { expect, test } from "vitest";
import { onDisconnect } from "../disconnect/connection.js";
import { beat } from "../heartbeat/heartbeat.js";
import { connectionRow, hour, midnight, second, useStage, violations } from "../testing/index.js";
import { reap } from "./reap.js";

const stage = await useStage();

/** Sends a heartbeat of this connection now. */
const beats = (connectionId: string): Promise<unknown> =>
  beat(stage.core, { connectionId, connectedAt: midnight });

const silent = (connectionId: string, at = midnight) => {
  stage.sockets.of(connectionId).lastActiveAt = at;
};

test("rule 10: connections older than the stage's longest duration are closed, and not a millisecond before", async () => {
  const sessionId = await stage.opened("listener");
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

test("rule 12: a listener silent for more than 90 s is closed and its seat freed; at 90 s it is not", async () => {
  const sessionId = await stage.opened("listener");
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
  await stage.opened("listener");
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
  await stage.opened("listener");
  stage.pass(hour);
  silent("listener", stage.now() - 90 * second);
  expect((await reap(stage.core)).silenced).toBe(0);
});

test("rule 12: a listener that vanished without a $disconnect is removed, and its seat released", async () => {
  const sessionId = await stage.opened("listener");
  stage.sockets.drop("listener");
  stage.pass(91 * second);
  expect((await reap(stage.core)).silenced).toBe(1);
  // Its socket needs no close.
  expect(stage.sockets.of("listener").closes).toBe(0);
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
  expect(await violations(stage)).toEqual([]);
});

test("rule 4: a silent speaker is lost, not gone: our own close of its socket does not end the session", async () => {
  const sessionId = await stage.opened("listener");
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
  const sessionId = await stage.opened();
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
  const sessionId = await stage.opened("a", "b", "c");
  silent("a");
  stage.pass(91 * second);
  const by = stage.process(async ({ name, target }) => {
    if (name === "DeleteItem" && target === stage.tables.connections) await stage.leave("a", 1000);
  });
  await reap(by);
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
});

test("rule 21: when liveness cannot be read, only API Gateway's lastActiveAt counts", async () => {
  const sessionId = await stage.opened("alive", "silent");
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
  await stage.opened("unknown", "silent");
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

test("when an audience is lost, one write releases many of its seats", async () => {
  const ids = Array.from({ length: 60 }, (_, n) => `listener ${n}`);
  const sessionId = await stage.create();
  const [row] = await stage.rows("sessions");
  await stage.plant("sessions", { ...row, listenerCount: 60 });
  await stage.plant(
    "connections",
    ...ids.map((connectionId) =>
      connectionRow({ connectionId, sessionId, role: "listener", targetLanguage: "es" }),
    ),
  );
  stage.pass(91 * second);
  const by = stage.process(() => undefined);
  expect((await reap(by)).silenced).toBe(60);
  const writes = by.calls.filter(
    ({ name, target }) => name === "UpdateItem" && target === stage.tables.sessions,
  );
  expect(writes).toHaveLength(3);
  expect((await stage.session(sessionId)).listenerCount).toBe(0);
});
