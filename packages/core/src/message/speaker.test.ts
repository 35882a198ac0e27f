import { expect, test } from "vitest";
import { frameOf, hour, midnight, useStage, violations } from "../testing/index.js";
import { receive } from "./receive.js";
import { endSession, sessionStatus } from "./speaker.js";

const stage = await useStage();

test("rule 4: endSession ends the session at once; everybody hears of it by the stream, the speaker too", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.deliver();
  expect(await receive(stage.core, "speaker", '{"action":"endSession"}')).toBeUndefined();
  await stage.deliver();
  for (const id of ["speaker", "listener"]) {
    expect(frameOf(stage, id, "sessionEnded")).toMatchObject({ sessionId, reason: "ended" });
    expect(stage.sockets.of(id).closes).toBe(1);
  }
  expect(await stage.session(sessionId)).toMatchObject({
    isActive: false,
    endReason: "ended",
    listenerCount: 0,
  });
  expect(await violations(stage)).toEqual([]);
});

test("a session that has ended already answers endSession with its end", async () => {
  const sessionId = await stage.create();
  await endSession(stage.core, "speaker");
  expect(await endSession(stage.core, "speaker")).toMatchObject({
    type: "sessionEnded",
    sessionId,
    reason: "ended",
  });
});

test("rule 19: only the session's current speaker ends it or sees its status", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  await stage.refresh(sessionId, "speaker", "newer");
  // The former speaker still has a row, until its socket is closed.
  for (const id of ["listener", "speaker", "unknown"]) {
    for (const action of ["endSession", "getSessionStatus"]) {
      await expect(receive(stage.core, id, JSON.stringify({ action }))).rejects.toMatchObject({
        code: "FORBIDDEN",
      });
    }
  }
  expect((await stage.session(sessionId)).isActive).toBe(true);
});

test("rule 9: the status counts the listeners, by their languages", async () => {
  const sessionId = await stage.create();
  for (const [id, targetLanguage] of [
    ["a", "es"],
    ["b", "de"],
    ["c", "es"],
  ] as const) {
    await stage.join(sessionId, id, { targetLanguage });
  }
  expect(await receive(stage.core, "speaker", '{"action":"getSessionStatus"}')).toEqual({
    type: "sessionStatus",
    timestamp: midnight,
    sessionId,
    isActive: true,
    listenerCount: 3,
    languageDistribution: { es: 2, de: 1 },
  });
});

test("rule 6: an expired session is not active in its status, even before the reaper ends it", async () => {
  await stage.create();
  stage.pass(2 * hour);
  expect(await sessionStatus(stage.core, "speaker")).toMatchObject({ isActive: false });
});
