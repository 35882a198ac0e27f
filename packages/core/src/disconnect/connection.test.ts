import { expect, test } from "vitest";
import { reap } from "../reaper/reap.js";
import * as SessionTable from "../store/session.table.js";
import { minute, useStage } from "../testing/index.js";
import { onDisconnect } from "./connection.js";

const stage = await useStage();

const counted = async (sessionId: string): Promise<number> => (await stage.session(sessionId)).listenerCount;

test("rule 5: a listener that leaves releases its seat only once", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "one");
  await stage.join(sessionId, "two");
  await stage.leave("one", 1001);
  expect(await stage.connection("one")).toBeUndefined();
  expect(await counted(sessionId)).toBe(1);
  await stage.leave("one", 1001);
  expect(await counted(sessionId)).toBe(1);
  expect(stage.log()).toContainEqual(
    expect.objectContaining({ level: "info", message: expect.stringMatching(/Repeated/) }),
  );
});

test("rule 5: of many leaves of one listener at once a single one frees its seat", async () => {
  const sessionId = await stage.create();
  for (const id of ["one", "two", "three"]) await stage.join(sessionId, id);
  const closed = { code: 1001, ageMs: 0 };
  await Promise.all(Array.from({ length: 8 }, () => onDisconnect(stage.core, "one", closed)));
  expect(await counted(sessionId)).toBe(2);
});

test("rule 5: the count never falls below 0", async () => {
  const sessionId = await stage.create();
  await SessionTable.releaseSeat(stage.core, sessionId, stage.now());
  expect(await counted(sessionId)).toBe(0);
});

test("a seat freed by a leave that a recount has seen already is not freed again", async () => {
  const sessionId = await stage.create();
  for (const id of ["one", "two", "three"]) await stage.join(sessionId, id);
  await stage.deliver();
  stage.pass(minute);
  const slow = stage.process(async ({ name }) => {
    // A whole reaper run happens between its two writes.
    if (name === "UpdateItem") await reap(stage.core);
  });
  await onDisconnect(slow, "one", { code: 1001, ageMs: minute });
  stage.sockets.drop("one");
  // Two are seated. A count that is too low oversells the session; the next recount corrects one that is too high.
  expect(await counted(sessionId)).toBeGreaterThanOrEqual(2);
  stage.pass(minute);
  await reap(stage.core);
  expect(await counted(sessionId)).toBe(2);
});
