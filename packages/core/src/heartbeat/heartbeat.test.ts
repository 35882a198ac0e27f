import { expect, test } from "vitest";
import { livenessId } from "../store/liveness.js";
import {
  defaults,
  frameOf,
  hour,
  midnight,
  minute,
  second,
  signingKey,
  useStage,
  violations,
} from "../testing/index.js";
import { refreshAge } from "../value/lifetime.js";
import { readTicket } from "../value/ticket.js";
import { beat } from "./heartbeat.js";

const stage = await useStage();

const beatOf = (connectionId: string, core = stage.core) =>
  beat(core, { connectionId, connectedAt: midnight });

test("rule 12: a heartbeat is acknowledged, and its time kept", async () => {
  stage.pass(30 * second);
  expect(await beatOf("listener")).toEqual({ type: "heartbeatAck", timestamp: midnight + 30 * second });
  expect(await stage.rows("rateLimits")).toEqual([
    expect.objectContaining({ identifier: livenessId("listener"), lastSeenAt: midnight + 30 * second }),
  ]);
});

test("rule 19: the row of a heartbeat does not show the connection's id", async () => {
  await beatOf("TXzPWdnOjoECGjA=");
  expect(JSON.stringify(await stage.rows("rateLimits"))).not.toContain("TXzPWdnOjoECGjA");
});

test("rule 12: two heartbeats at once are allowed, and a third gets a retryAfter", async () => {
  await beatOf("listener");
  await beatOf("listener");
  await expect(beatOf("listener")).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
    retryAfter: 24,
    details: { limit: "heartbeats" },
  });
  await beatOf("another");
  stage.pass(24 * second);
  await beatOf("listener");
});

test("rule 12: a client that beats every 30 s with jitter never meets the limit", async () => {
  // Each beat is up to 6 s early or late: at worst 18 s after the previous one.
  for (const jitter of [0, 6, -6, 6, -6, 0, 6, -6, -6, 6, -6, 6]) {
    stage.pass((30 + jitter) * second);
    expect(await beatOf("listener")).toMatchObject({ type: "heartbeatAck" });
  }
});

test("rule 11: before its refresh moment a connection hears nothing but its ack", async () => {
  await stage.create();
  stage.pass(refreshAge("speaker", defaults) - 1);
  await beatOf("speaker");
  expect(stage.sockets.types("speaker")).toEqual([]);
});

test("rule 11: from its refresh moment on each heartbeat brings connectionRefreshRequired and a ticket", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener", { targetLanguage: "de" });
  stage.pass(Math.ceil(refreshAge("listener", defaults)));
  expect(await beatOf("listener")).toMatchObject({ type: "heartbeatAck" });
  const frame = frameOf(stage, "listener", "connectionRefreshRequired");
  expect(frame).toMatchObject({
    sessionId,
    role: "listener",
    targetLanguage: "de",
    deadline: midnight + 2 * hour,
    timestamp: stage.now(),
  });
  expect(readTicket(frame.ticket, signingKey, stage.now())).toEqual({
    connectionId: "listener",
    sessionId,
    role: "listener",
    targetLanguage: "de",
    expiresAt: midnight + 2 * hour,
  });
  stage.pass(30 * second);
  await beatOf("listener");
  expect(stage.sockets.types("listener")).toEqual(["connectionRefreshRequired", "connectionRefreshRequired"]);
});

test("rule 11: a speaker is asked too, without a language", async () => {
  const sessionId = await stage.create();
  stage.pass(100 * minute);
  await beatOf("speaker");
  const frame = frameOf(stage, "speaker", "connectionRefreshRequired");
  expect(frame).toMatchObject({ sessionId, role: "speaker" });
  expect(frame).not.toHaveProperty("targetLanguage");
});

test("rule 10: from 105 minutes on heartbeats also bring a warning", async () => {
  await stage.create();
  stage.pass(105 * minute - 1);
  await beatOf("speaker");
  expect(stage.sockets.types("speaker")).toEqual(["connectionRefreshRequired"]);
  stage.pass(1);
  await beatOf("speaker");
  expect(stage.sockets.types("speaker").slice(1)).toEqual(["connectionRefreshRequired", "connectionWarning"]);
  expect(frameOf(stage, "speaker", "connectionWarning")).toMatchObject({ remainingMinutes: 15 });
});

test("rule 10: the remaining minutes are never negative", async () => {
  await stage.create();
  stage.pass(3 * hour);
  await beatOf("speaker");
  expect(frameOf(stage, "speaker", "connectionWarning").remainingMinutes).toBe(0);
});

test("rule 11: once refreshed, the new connection is left alone until its own moment", async () => {
  const sessionId = await stage.create();
  stage.pass(100 * minute);
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  const connectedAt = stage.now();
  stage.pass(30 * second);
  await beat(stage.core, { connectionId: "newer", connectedAt });
  expect(stage.sockets.types("newer")).toEqual(["connectionRefreshComplete"]);
});

test("a connection without a row gets its acknowledgement and no refresh frame", async () => {
  stage.pass(110 * minute);
  expect(await beatOf("unknown")).toMatchObject({ type: "heartbeatAck" });
  expect(stage.sockets.types("unknown")).toEqual([]);
});

test("rule 12: a heartbeat is acknowledged also when the frame beside it cannot be sent", async () => {
  await stage.create();
  stage.pass(110 * minute);
  stage.sockets.fail("speaker");
  expect(await beatOf("speaker")).toMatchObject({ type: "heartbeatAck" });
});

test("rule 12: a heartbeat is acknowledged also when its connection's row cannot be read", async () => {
  await stage.create();
  stage.pass(110 * minute);
  stage.inject({ kind: "unreachable", match: { table: stage.tables.connections } });
  expect(await beatOf("speaker")).toMatchObject({ type: "heartbeatAck" });
});

test("rule 21: with the limits' table down heartbeats are acknowledged", async () => {
  stage.inject({ kind: "unreachable", match: { table: stage.tables.rateLimits } });
  expect(await beatOf("listener")).toMatchObject({ type: "heartbeatAck" });
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn" }));
});

test("a heartbeat changes neither session nor connection", async () => {
  await stage.create();
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  stage.pass(110 * minute);
  await beatOf("speaker");
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
  expect(await violations(stage)).toEqual([]);
});
