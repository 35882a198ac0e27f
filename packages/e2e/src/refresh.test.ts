import { type Client, statusOf } from "@lectern/cli/client";
import type { FrameOf } from "@lectern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stage, startStage } from "./stage.js";

let stage: Stage;

// Every connection is past its refresh moment at once, so that each heartbeat brings a ticket.
beforeAll(async () => {
  stage = await startStage({ connectionRefreshMinutes: "0.00001", connectionWarningMinutes: "60" });
});

afterAll(() => stage?.stop());

const rounds = 100;

const ticketOf = async (client: Client): Promise<FrameOf<"connectionRefreshRequired">> => {
  const [required] = await Promise.all([
    client.next("connectionRefreshRequired"),
    client.ask({ action: "heartbeat" }, "heartbeatAck"),
  ]);
  return required;
};

const refreshListener = async (client: Client): Promise<Client> => {
  const { sessionId, role, targetLanguage = "", ticket } = await ticketOf(client);
  const fresh = await stage.connect({
    action: "refreshConnection",
    sessionId,
    role,
    targetLanguage,
    ticket,
    errors: "frame",
  });
  await fresh.next("connectionRefreshComplete");
  return fresh;
};

const refreshSpeaker = async (sessionId: string): Promise<Client> => {
  const fresh = await stage.connect({
    action: "refreshConnection",
    role: "speaker",
    sessionId,
    token: stage.token(),
  });
  await fresh.next("connectionRefreshComplete");
  return fresh;
};

test("rule 11: a listener's refresh takes the place of the old connection, which the server closes", async () => {
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

test(`rule 11: ${rounds} refreshes of a speaker and of 20 listeners in a row lose nobody and count right`, async () => {
  let speaker: Client & { sessionId?: string } = await stage.create();
  const sessionId = speaker.sessionId ?? "";
  let listeners = await Promise.all(Array.from({ length: 20 }, () => stage.join(sessionId)));
  for (let round = 1; round <= rounds; round += 1) {
    stage.stack.clock.advance(1_000);
    const before = await stage.sessionOf(sessionId);
    const old = [speaker, ...listeners];
    [speaker, listeners] = await Promise.all([
      refreshSpeaker(sessionId),
      Promise.all(listeners.map(refreshListener)),
    ]);
    await Promise.all(old.map((client) => client.closed));
    await stage.stack.idle();
    const after = await stage.sessionOf(sessionId);
    expect(after).toMatchObject({ isActive: true, listenerCount: 20 });
    expect(after?.expiresAt).toBeGreaterThan(before?.expiresAt ?? 0);
    expect(await stage.rowsOf(sessionId)).toHaveLength(21);
  }
  await speaker.leave();
  for (const listener of listeners) expect((await listener.next("sessionEnded")).reason).toBe("speakerLeft");
}, 600_000);

test("rule 11: a forged, expired or foreign ticket makes an ordinary join", async () => {
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
    await client.next("sessionJoined");
  };
  await come(speaker.sessionId, `${ticket.slice(0, -2)}xx`);
  await come(speaker.sessionId, "nonsense");
  await come(other.sessionId, ticket);
  await stage.stack.idle();
  expect((await stage.sessionOf(speaker.sessionId))?.listenerCount).toBe(3);
  expect((await stage.sessionOf(other.sessionId))?.listenerCount).toBe(1);
  await Promise.all([speaker.leave(), other.leave()]);
});

test("rule 11: a ticket finds a seat in a full session, an ordinary join does not", async () => {
  const full = await startStage({
    connectionRefreshMinutes: "0.00001",
    connectionWarningMinutes: "60",
    maxListenersPerSession: "2",
  });
  const speaker = await full.create();
  const [listener] = [await full.join(speaker.sessionId), await full.join(speaker.sessionId)];
  const join = { action: "joinSession", sessionId: speaker.sessionId, targetLanguage: "es" };
  expect(await statusOf(full.connect(join))).toBe(503);
  const { ticket } = await ticketOf(listener);
  const fresh = await full.connect({ ...join, action: "refreshConnection", role: "listener", ticket });
  await fresh.next("connectionRefreshComplete");
  await listener.closed;
  await full.stack.idle();
  expect((await full.sessionOf(speaker.sessionId))?.listenerCount).toBe(2);
  await full.stop();
});

test("rule 11: an old speaker's socket that closes late does not end the session", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  const fresh = await refreshSpeaker(speaker.sessionId);
  await speaker.closed;
  await stage.stack.idle();
  expect(await stage.sessionOf(speaker.sessionId)).toMatchObject({ isActive: true });
  expect(listener.waiting).toEqual([]);
  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(2);
  await fresh.leave();
  await listener.closed;
});

test("rule 10: past the warning moment heartbeats bring a warning too", async () => {
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
