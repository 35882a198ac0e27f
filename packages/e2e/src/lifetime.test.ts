import { type Client, statusOf } from "@lectern/cli/client";
import { expect, test } from "vitest";
import { useStage } from "./stage.js";

const stage = useStage();

const seconds = (count: number): void => stage.stack.clock.advance(count * 1000);

const comeBack = (sessionId: string, user = "alice"): Promise<Client> =>
  stage.connect({ action: "refreshConnection", role: "speaker", sessionId, token: stage.token(user) });

test("rule 4: a lost speaker may come back within the grace period", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const listener = await stage.join(sessionId);
  speaker.socket.terminate();
  await listener.next("speakerReconnecting");
  const back = await comeBack(sessionId);
  expect(await back.next("connectionRefreshComplete")).toMatchObject({ sessionId, role: "speaker" });
  await listener.next("speakerReconnected");
  seconds(60);
  await stage.reap();
  expect(await stage.sessionOf(sessionId)).toMatchObject({ isActive: true, listenerCount: 1 });
  await back.leave();
  expect(await listener.next("sessionEnded")).toMatchObject({ reason: "speakerLeft" });
});

test("rule 4: a session ends when its lost speaker does not come back in time", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await speaker.leave(1001);
  await listener.next("speakerReconnecting");
  seconds(29);
  await stage.reap();
  expect(await stage.sessionOf(speaker.sessionId)).toMatchObject({ isActive: true });
  seconds(2);
  await stage.reap();
  expect(await listener.next("sessionEnded")).toMatchObject({ reason: "speakerLost" });
  await listener.closed;
  await stage.stack.idle();
  expect(await stage.rowsOf(speaker.sessionId)).toEqual([]);
  expect(await statusOf(comeBack(speaker.sessionId))).toBe(404);
});

test("rule 9: the reaper corrects a wrong count after the session has been quiet for 30 seconds", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const listener = await stage.join(sessionId);
  const wrong = async () => (await stage.sessionOf(sessionId))?.listenerCount;
  await stage.plant(sessionId, { listenerCount: 7 });
  await stage.reap();
  expect(await wrong()).toBe(7);
  seconds(31);
  await Promise.all([stage.reap(), stage.reap()]);
  expect(await wrong()).toBe(1);
  await Promise.all([speaker.leave(), listener.closed]);
});

test("rule 11: another user cannot take over a session", async () => {
  const speaker = await stage.create();
  expect(await statusOf(comeBack(speaker.sessionId, "mallory"))).toBe(403);
  const anonymous = { action: "refreshConnection", role: "speaker", sessionId: speaker.sessionId };
  expect(await statusOf(stage.connect(anonymous))).toBe(401);
  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(1);
  await speaker.leave();
});

test("rule 12: a silent listener is closed and removed; a listener who sends heartbeats stays", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const [silent, beating] = [await stage.join(sessionId), await stage.join(sessionId)];
  for (let beat = 0; beat < 2; beat += 1) {
    seconds(46);
    await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
    await beating.ask({ action: "heartbeat" }, "heartbeatAck");
  }
  await stage.reap();
  expect(await silent.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
  await stage.stack.idle();
  expect(await stage.rowsOf(sessionId)).toHaveLength(2);
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(1);
  await beating.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.leave();
  await beating.closed;
});

test("rule 12: a silent speaker counts as lost, not as leaving", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  seconds(60);
  await listener.ask({ action: "heartbeat" }, "heartbeatAck");
  seconds(31);
  await stage.reap();
  await listener.next("speakerReconnecting");
  await speaker.closed;
  await stage.stack.idle();
  expect(await stage.sessionOf(speaker.sessionId)).toMatchObject({ isActive: true });
  const back = await comeBack(speaker.sessionId);
  await listener.next("speakerReconnected");
  await back.leave();
});

test("rule 20: a session that DynamoDB's TTL removes ends as expired", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await stage.plant(speaker.sessionId, { expiresAt: Math.floor(stage.stack.clock.now() / 1000) - 10 });
  await stage.stack.sweep();
  expect(await listener.next("sessionEnded")).toMatchObject({ reason: "expired" });
  await Promise.all([listener.closed, speaker.closed]);
  await stage.stack.idle();
  expect(await stage.rowsOf(speaker.sessionId)).toEqual([]);
});

test("rule 6: the reaper ends an expired session, for its speaker too", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  await stage.plant(speaker.sessionId, { expiresAt: Math.floor(stage.stack.clock.now() / 1000) });
  await stage.reap();
  expect(await listener.next("sessionEnded")).toMatchObject({ reason: "expired" });
  expect(await speaker.next("sessionEnded")).toMatchObject({ reason: "expired" });
  await Promise.all([listener.closed, speaker.closed]);
});
