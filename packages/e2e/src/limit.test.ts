import { statusOf } from "@lectern/cli/client";
import { expect, onTestFinished, test } from "vitest";
import { useStage } from "./stage.js";
import { surge, times } from "./surge.js";

const seats = 50;
const stage = useStage({ maxListenersPerSession: `${seats}` });

const tally = (statuses: number[]): Record<number, number> =>
  statuses.reduce<Record<number, number>>(
    (counts, status) => Object.assign(counts, { [status]: (counts[status] ?? 0) + 1 }),
    {},
  );

const join = (sessionId: string, address: string): Promise<number> =>
  statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es" }, { address }));

/** Stops the time: on a slow machine a bucket would refill during the test. */
const holdTime = (): void => onTestFinished(stage.stack.clock.hold());

test("rule 13: the 11th join in a minute from one address is refused, and accepted after retryAfter", async () => {
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

test("rule 13: the 21st attempt in a minute from one address gets 429, even with errors=frame", async () => {
  holdTime();
  const attempt = () => statusOf(stage.connect({ action: "fly", errors: "frame" }, { address: "192.0.2.2" }));
  expect(tally(await times(20, attempt))).toEqual({ 101: 20 });
  expect(await attempt()).toBe(429);
});

test("rule 13: with sharedNetwork 40 listeners behind one address get in, and wrong ids stay limited", async () => {
  holdTime();
  const speaker = await stage.create({ sharedNetwork: "true" });
  const address = "192.0.2.3";
  const wrong = await times(40, () => join("golden-eagle-427", address));
  expect(tally(wrong)).toEqual({ 404: 10, 429: 30 });
  expect(tally(await times(40, () => join(speaker.sessionId, address)))).toEqual({ 101: 40 });
  expect(await join("golden-eagle-427", address)).toBe(429);
  await speaker.leave();
});

test("rule 13: a verified speaker is not limited by address", async () => {
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

test(`rule 14: of ${seats + 1} simultaneous listeners ${seats} get in, and all can leave at once`, () =>
  surge(stage, seats));
