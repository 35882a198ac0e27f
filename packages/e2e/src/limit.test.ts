import { statusOf } from "@lectern/cli/client";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Stage, startStage } from "./stage.js";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});

afterAll(() => stage?.stop());

const times = <Result>(count: number, make: (index: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

const tally = (statuses: number[]): Record<number, number> =>
  statuses.reduce<Record<number, number>>(
    (counts, status) => Object.assign(counts, { [status]: (counts[status] ?? 0) + 1 }),
    {},
  );

const join = (sessionId: string, address: string): Promise<number> =>
  statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es" }, { address }));

/** Time stands still, so that no bucket is refilled while a busy machine is at it. */
const holdTime = (): void => onTestFinished(stage.stack.clock.hold());

test("rule 13: the 11th join in a minute from one address is refused, and let in after its wait", async () => {
  holdTime();
  const speaker = await stage.create();
  const address = "192.0.2.1";
  expect(tally(await times(10, () => join(speaker.sessionId, address)))).toEqual({ 101: 10 });
  expect(await join(speaker.sessionId, address)).toBe(429);
  const query = {
    action: "joinSession",
    sessionId: speaker.sessionId,
    targetLanguage: "es",
    errors: "frame",
  };
  const refused = await stage.connect(query, { address });
  const { code, retryAfter, details } = await refused.next("error");
  expect({ code, details }).toEqual({
    code: "RATE_LIMIT_EXCEEDED",
    details: { limit: "listenerJoins", sessionId: speaker.sessionId },
  });
  expect((await stage.sessionOf(speaker.sessionId))?.listenerCount).toBe(10);
  stage.stack.clock.advance((retryAfter ?? 0) * 1000);
  expect(await join(speaker.sessionId, address)).toBe(101);
  await speaker.leave();
});

test("rule 13: the 21st attempt in a minute from one address is a 429, even with errors=frame", async () => {
  holdTime();
  const attempt = () => statusOf(stage.connect({ action: "fly", errors: "frame" }, { address: "192.0.2.2" }));
  expect(tally(await times(20, attempt))).toEqual({ 101: 20 });
  expect(await attempt()).toBe(429);
});

test("rule 13: a hall behind one address gets in by sharedNetwork, and its wrong ids stay limited", async () => {
  holdTime();
  const speaker = await stage.create({ sharedNetwork: "true" });
  const address = "192.0.2.3";
  const wrong = await times(40, () => join("golden-eagle-427", address));
  expect(tally(wrong)).toEqual({ 404: 10, 429: 30 });
  expect(tally(await times(40, () => join(speaker.sessionId, address)))).toEqual({ 101: 40 });
  expect(await join("golden-eagle-427", address)).toBe(429);
  await speaker.leave();
});

test("rule 13: a verified speaker is not limited by the address", async () => {
  holdTime();
  const address = "192.0.2.4";
  await times(25, () => join("golden-eagle-427", address));
  const speaker = await stage.create({}, { address });
  const back = await stage.connect(
    { action: "refreshConnection", role: "speaker", sessionId: speaker.sessionId, token: stage.token() },
    { address },
  );
  await back.next("connectionRefreshComplete");
  await back.leave();
});

test("rule 13: the 51st session of a user in an hour is refused", async () => {
  holdTime();
  const token = stage.token("prolific");
  const create = () => statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token }));
  expect(tally(await times(51, create))).toEqual({ 101: 50, 429: 1 });
});

const rounds = 10;

test(`rule 14: of 501 simultaneous listeners 500 get in and all can leave at once, ${rounds} times over`, async () => {
  for (let round = 1; round <= rounds; round += 1) {
    const speaker = await stage.create({}, { user: `speaker ${round}` });
    const { sessionId } = speaker;
    const outcomes = await times(501, async () => {
      const client = await stage.connect({
        action: "joinSession",
        sessionId,
        targetLanguage: "es",
        errors: "frame",
      });
      return { client, first: await Promise.race([client.next("sessionJoined"), client.next("error")]) };
    });
    const joined = outcomes.flatMap(({ client, first }) => (first.type === "sessionJoined" ? [client] : []));
    const refused = outcomes.flatMap(({ first }) => (first.type === "error" ? [first.code] : []));
    expect(refused).toEqual(["SESSION_FULL"]);
    expect(joined).toHaveLength(500);
    expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(500);
    await Promise.all(joined.map((client) => client.leave()));
    await stage.stack.idle();
    expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(0);
    expect(await stage.rowsOf(sessionId)).toHaveLength(1);
    await speaker.leave();
  }
}, 600_000);
