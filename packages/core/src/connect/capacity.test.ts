import { expect, test } from "vitest";
import { joinAtOnce, ticketFor, useStage, violations } from "../testing/index.js";

const stage = await useStage();

test("rule 14: the 21st of 21 simultaneous listeners is refused and no seat is oversold", async () => {
  const { outcomes, sessionId } = await joinAtOnce(stage, 21, 20);
  expect(outcomes.filter((outcome) => outcome === "seated")).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome !== "seated")).toEqual([`SESSION_FULL ${sessionId}`]);
  expect((await stage.session(sessionId)).listenerCount).toBe(20);
  expect(await violations(stage)).toEqual([]);
});

test("rule 14: a seat that was freed is taken again, and only that one", async () => {
  const by = stage.with({ maxListenersPerSession: 3 });
  const sessionId = await stage.create();
  for (const id of ["a", "b", "c"]) await stage.join(sessionId, id, { by });
  await expect(stage.join(sessionId, "d", { by })).rejects.toMatchObject({ code: "SESSION_FULL" });
  await stage.leave("b", 1001, by);
  await stage.join(sessionId, "e", { by });
  await expect(stage.join(sessionId, "f", { by })).rejects.toMatchObject({ code: "SESSION_FULL" });
  expect(await violations(stage)).toEqual([]);
});

test("rule 14: with joins and leaves all at once the count is right in the end, and never over", async () => {
  const by = stage.with({ maxListenersPerSession: 10 });
  const sessionId = await stage.create();
  const ids = Array.from({ length: 40 }, (_, n) => `listener ${n}`);
  await Promise.all(
    ids.map(async (id, n) => {
      const seated = await stage.join(sessionId, id, { by }).then(
        () => true,
        () => false,
      );
      expect((await stage.session(sessionId)).listenerCount).toBeLessThanOrEqual(10);
      if (seated && n % 3 === 0) await stage.leave(id, 1001, by);
    }),
  );
  expect(await violations(stage)).toEqual([]);
});

test("rule 14: an audience that was lost comes back with its tickets though the dead hold more than half of the seats", async () => {
  const by = stage.with({ maxListenersPerSession: 40 });
  const sessionId = await stage.create();
  const ids = Array.from({ length: 30 }, (_, n) => `listener ${n}`);
  for (const id of ids) await stage.join(sessionId, id, { by });
  await stage.deliver();
  for (const id of ids) stage.sockets.drop(id);
  const tickets = ids.map((id) => ({ id: `${id} again`, ticket: ticketFor(sessionId, id) }));
  await Promise.all(
    tickets.map(({ id, ticket }) => stage.refresh(sessionId, "listener", id, { by, ticket })),
  );
  await expect(stage.join(sessionId, "stranger", { by })).rejects.toMatchObject({ code: "SESSION_FULL" });
  await stage.deliver(by);
  for (const { id } of tickets) expect(stage.sockets.types(id)).toEqual(["connectionRefreshComplete"]);
  expect((await stage.session(sessionId)).listenerCount).toBe(30);
  expect(await violations(stage, { capacity: 40 })).toEqual([]);
});

test("rule 14: in a full session one ticket lets one client in, however often it is shown", async () => {
  const by = stage.with({ maxListenersPerSession: 1 });
  const sessionId = await stage.create();
  await stage.join(sessionId, "old", { by });
  const [row] = await stage.rows("sessions");
  // All seats of the overlap are taken too.
  await stage.plant("sessions", { ...row, listenerCount: 11 });
  const ticket = ticketFor(sessionId, "old");
  const outcomes = await Promise.allSettled(
    ["one", "two", "three"].map((id) => stage.refresh(sessionId, "listener", id, { by, ticket })),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await stage.session(sessionId)).listenerCount).toBe(12);
});
