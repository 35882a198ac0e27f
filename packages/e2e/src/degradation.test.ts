import { statusOf } from "@lectern/cli/client";
import { afterEach, expect, test } from "vitest";
import { useStage } from "./stage.js";

const logs: string[] = [];
const stage = useStage({}, { observer: { onLog: ({ text }) => logs.push(text) } });
let restore: () => void = () => undefined;

afterEach(() => restore());

const join = (sessionId: string) =>
  statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es" }));

const create = (token = stage.token()) =>
  statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token }));

test("rule 21: with DynamoDB down handshakes get 503 and heartbeats an acknowledgement; afterwards everything works", async () => {
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

test("rule 21: with RateLimits down limits are off, and a warning is logged", async () => {
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

test("rule 21: after a timeout of a table, limits are off, and a join that needs the table gets 503", async () => {
  const speaker = await stage.create();
  const silent = (table = "") =>
    stage.stack.faults.inject({ match: { table }, kind: "latency", ms: 3_600_000 });
  restore = silent(stage.stack.tables.RateLimits);
  // Both wait for the SDK's real timeout, so they wait together.
  const [joined] = await Promise.all([
    join(speaker.sessionId),
    speaker.ask({ action: "heartbeat" }, "heartbeatAck"),
  ]);
  expect(joined).toBe(101);
  restore();
  restore = silent(stage.stack.tables.Sessions);
  expect(await join(speaker.sessionId)).toBe(503);
  restore();
  await speaker.leave();
});

test("rule 21: a throttled write is sent three times at most", async () => {
  const match = { table: stage.stack.tables.Sessions ?? "", operation: "PutItem" };
  restore = stage.stack.faults.inject({ match, kind: "throttle", times: 2 });
  expect(await create()).toBe(101);
  restore = stage.stack.faults.inject({ match, kind: "throttle", times: 3 });
  expect(await create()).toBe(503);
  expect(await create()).toBe(101);
});

test("rule 21: the reaper corrects the count after a lost answer to the write of a connection", async () => {
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
  // A bug's error is logged too, and it holds the row.
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
