import { statusOf } from "@lectern/cli/client";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Stage, startStage } from "./stage.js";

let stage: Stage;
let restore: () => void = () => undefined;
const logs: string[] = [];

beforeAll(async () => {
  stage = await startStage({}, { observer: { onLog: ({ text }) => logs.push(text) } });
});

afterEach(() => restore());
afterAll(() => stage?.stop());

const join = (sessionId: string) =>
  statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es" }));

const create = (token = stage.token()) =>
  statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token }));

test("rule 21: with DynamoDB down handshakes are 503 and heartbeats still acknowledged; then all is well again", async () => {
  const speaker = await stage.create();
  const before = await stage.sessionOf(speaker.sessionId);
  restore = stage.stack.faults.inject({ match: {}, kind: "unreachable" });
  expect(await join(speaker.sessionId)).toBe(503);
  expect(await create()).toBe(503);
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  expect(await speaker.ask({ action: "getSessionStatus" }, "error")).toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    retryable: true,
  });
  restore();
  expect(await stage.sessionOf(speaker.sessionId)).toEqual(before);
  expect(await join(speaker.sessionId)).toBe(101);
  await speaker.leave();
});

test("rule 21: with RateLimits down limits are off, with a warning", async () => {
  const speaker = await stage.create();
  const table = stage.stack.tables.RateLimits ?? "";
  restore = stage.stack.faults.inject({ match: { table }, kind: "unreachable" });
  logs.length = 0;
  expect(await create()).toBe(101);
  expect(await join(speaker.sessionId)).toBe(101);
  for (let beat = 0; beat < 5; beat += 1) await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  expect(logs.join()).toContain("Rate limits are off");
  await speaker.leave();
});

test("rule 21: a table that does not answer is given up in time: limits go off, and what needs it is 503", async () => {
  const speaker = await stage.create();
  const silent = (table = "") =>
    stage.stack.faults.inject({ match: { table }, kind: "latency", ms: 3_600_000 });
  restore = silent(stage.stack.tables.RateLimits);
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  expect(await join(speaker.sessionId)).toBe(101);
  restore();
  restore = silent(stage.stack.tables.Sessions);
  expect(await join(speaker.sessionId)).toBe(503);
  restore();
  await speaker.leave();
});

test("rule 21: a throttled write is tried again, three times at most", async () => {
  const match = { table: stage.stack.tables.Sessions ?? "", operation: "PutItem" };
  restore = stage.stack.faults.inject({ match, kind: "throttle", times: 2 });
  expect(await create()).toBe(101);
  restore = stage.stack.faults.inject({ match, kind: "throttle", times: 3 });
  expect(await create()).toBe(503);
  expect(await create()).toBe(101);
});

test("rule 21: an answer that is lost after the seat is taken leaves no listener uncounted", async () => {
  const speaker = await stage.create();
  const table = stage.stack.tables.Connections ?? "";
  restore = stage.stack.faults.inject({
    match: { table, operation: "PutItem" },
    kind: "lost-answer",
    times: 1,
  });
  expect(await join(speaker.sessionId)).toBe(503);
  await stage.stack.idle();
  stage.stack.clock.advance(31_000);
  await stage.reap();
  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(1);
  expect((await stage.sessionOf(speaker.sessionId))?.listenerCount).toBe(0);
  await speaker.leave();
});

test("rule 21: with the token service down speakers get 503, listeners are unaffected", async () => {
  const speaker = await stage.create();
  stage.stack.tokenService.available = false;
  restore = () => {
    stage.stack.tokenService.available = true;
  };
  // A new environment has no keys yet.
  await stage.stack.kill("session-authorizer-local");
  expect(await create()).toBe(503);
  expect(await join(speaker.sessionId)).toBe(101);
  restore();
  expect(await create()).toBe(101);
  await speaker.leave();
});

test("rule 19: no log line holds a token, an address or a raw connection id", async () => {
  logs.length = 0;
  const token = stage.token();
  const address = "203.0.113.77";
  const speaker = await stage.connect({ action: "createSession", sourceLanguage: "en", token }, { address });
  const { sessionId, connectionId } = await speaker.next("sessionCreated");
  await statusOf(
    stage.connect({ action: "createSession", sourceLanguage: "en", token: `${token}x` }, { address }),
  );
  await statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "xx" }, { address }));
  await speaker.leave();
  await stage.stack.idle();
  // A fault of ours, too, whose error has the row in it.
  const again = await stage.create();
  const itsConnection = (await stage.sessionOf(again.sessionId))?.speakerConnectionId;
  await stage.plant(again.sessionId, { sourceLanguage: "not a language" });
  await again.ask({ action: "getSessionStatus" }, "error");
  await stage.reap();
  const all = logs.join("\n");
  expect(all).toContain(sessionId);
  expect(all).toContain("ValiError");
  expect(all).not.toContain(itsConnection);
  for (const secret of [token, address, connectionId]) expect(all).not.toContain(secret);
});
