import { statusOf } from "@lectern/cli/client";
import { expect, test } from "vitest";
import { refreshAll, refreshSpeaker, settings, ticketOf } from "./refreshing.js";
import { useStage } from "./stage.js";

const seats = 4;
const stage = useStage({ ...settings, maxListenersPerSession: `${seats}` });

test("rule 11: a listener's refresh replaces the old connection, which the server closes", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId, { targetLanguage: "pt-PT" });
  const required = await ticketOf(listener);
  expect(required).toMatchObject({ sessionId: speaker.sessionId, role: "listener", targetLanguage: "pt-PT" });
  const fresh = await stage.connect({
    action: "refreshConnection",
    role: "listener",
    sessionId: speaker.sessionId,
    targetLanguage: "pt-PT",
    ticket: required.ticket,
  });
  expect(await fresh.next("connectionRefreshComplete")).toMatchObject({
    role: "listener",
    targetLanguage: "pt-PT",
    sourceLanguage: "en",
  });
  expect(await listener.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
  await stage.stack.idle();
  expect((await stage.sessionOf(speaker.sessionId))?.listenerCount).toBe(1);
  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(2);
  await speaker.leave();
  await fresh.closed;
});

test("rule 11: five refreshes in a row of a speaker and a full house lose nobody and count right", () =>
  refreshAll(stage, seats, 5));

test("rule 11: a refresh with a forged or foreign ticket is an ordinary join", async () => {
  const speaker = await stage.create();
  const other = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  const { ticket } = await ticketOf(listener);
  const come = async (sessionId: string, shown: string) => {
    const client = await stage.connect({
      action: "refreshConnection",
      role: "listener",
      sessionId,
      targetLanguage: "es",
      ticket: shown,
    });
    await client.next("connectionRefreshComplete");
  };
  await come(speaker.sessionId, `${ticket.slice(0, -2)}xx`);
  await come(speaker.sessionId, "nonsense");
  await come(other.sessionId, ticket);
  await stage.stack.idle();
  expect((await stage.sessionOf(speaker.sessionId))?.listenerCount).toBe(3);
  expect((await stage.sessionOf(other.sessionId))?.listenerCount).toBe(1);
  await Promise.all([speaker.leave(), other.leave()]);
});

test("rule 11: a listener with a ticket refreshes in a full session, which refuses an ordinary join", async () => {
  const { sessionId, leave } = await stage.create();
  const listeners = await Promise.all(Array.from({ length: seats }, () => stage.join(sessionId)));
  const join = { action: "joinSession", sessionId, targetLanguage: "es" };
  expect(await statusOf(stage.connect(join))).toBe(503);
  const [listener] = listeners;
  if (!listener) throw new Error("Nobody has joined");
  const { ticket } = await ticketOf(listener);
  const fresh = await stage.connect({ ...join, action: "refreshConnection", role: "listener", ticket });
  await fresh.next("connectionRefreshComplete");
  await listener.closed;
  await stage.stack.idle();
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(seats);
  await leave();
  await fresh.closed;
});

test("rule 11: a session goes on when the old socket of its speaker closes late", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  const fresh = await refreshSpeaker(stage, speaker.sessionId);
  await speaker.closed;
  await stage.stack.idle();
  expect(await stage.sessionOf(speaker.sessionId)).toMatchObject({ isActive: true });
  expect(listener.waiting).toEqual([]);
  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(2);
  await fresh.leave();
  await listener.closed;
});

test("rule 10: after the warning moment heartbeats also bring a warning", async () => {
  const speaker = await stage.create();
  for (let beat = 0; beat < 8; beat += 1) {
    stage.stack.clock.advance(9 * 60_000);
    await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  }
  await speaker.next("connectionRefreshRequired");
  const warning = await speaker.next("connectionWarning");
  expect(warning.remainingMinutes).toBeGreaterThan(40);
  expect(warning.remainingMinutes).toBeLessThan(60);
  await speaker.leave();
});
