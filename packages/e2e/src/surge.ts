import { expect } from "vitest";
import type { Stage } from "./stage.js";

export const times = <Result>(count: number, make: (index: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

/** Joins with one listener more than a session has seats, all at once; then all leave at once. */
export const surge = async (stage: Stage, seats: number, user?: string): Promise<void> => {
  const speaker = await stage.create({}, user ? { user } : {});
  const { sessionId } = speaker;
  const query = { action: "joinSession", sessionId, targetLanguage: "es", errors: "frame" };
  const outcomes = await times(seats + 1, async () => {
    const client = await stage.connect(query);
    return { client, first: await Promise.race([client.next("sessionJoined"), client.next("error")]) };
  });
  const joined = outcomes.flatMap(({ client, first }) => (first.type === "sessionJoined" ? [client] : []));
  const refused = outcomes.flatMap(({ first }) => (first.type === "error" ? [first.code] : []));
  expect(refused).toEqual(["SESSION_FULL"]);
  expect(joined).toHaveLength(seats);
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(seats);
  await Promise.all(joined.map((client) => client.leave()));
  await stage.stack.idle();
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(0);
  expect(await stage.rowsOf(sessionId)).toHaveLength(1);
  await speaker.leave();
};
