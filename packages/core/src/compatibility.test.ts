import { expect, test } from "vitest";
import { beat } from "./heartbeat/heartbeat.js";
import { reap } from "./reaper/reap.js";
import { frameOf, midnight, minute, useStage, violations } from "./testing/index.js";

// After a rollback this version meets rows that a later version wrote.

const stage = await useStage();

const later = { ofALaterVersion: { kept: ["as", 1, true] } };

/** Adds an attribute that this version does not know to every row of every table. */
const addLater = async (): Promise<void> => {
  for (const table of ["sessions", "connections", "rateLimits"] as const) {
    const rows = await stage.rows(table);
    await stage.plant(table, ...rows.map((row) => ({ ...row, ...later })));
  }
  await stage.deliver();
};

test("attributes that a later version has added do no harm in this version, and survive its writes", async () => {
  const sessionId = await stage.create("speaker");
  await stage.join(sessionId, "a");
  await stage.join(sessionId, "b", { targetLanguage: "fr" });
  await stage.deliver();
  await beat(stage.core, { connectionId: "a", connectedAt: midnight });
  await addLater();

  await stage.join(sessionId, "c");
  await stage.leave("b", 1000);
  await stage.leave("speaker", 1001);
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "speaker again");
  await stage.deliver();
  stage.pass(minute);
  await beat(stage.core, { connectionId: "a", connectedAt: midnight });
  await reap(stage.core);

  expect(await stage.session(sessionId)).toMatchObject({ isActive: true, listenerCount: 2 });
  expect(await stage.rows("sessions")).toEqual([expect.objectContaining(later)]);
  expect((await stage.rows("connections")).find(({ connectionId }) => connectionId === "a")).toMatchObject(
    later,
  );
  expect((await stage.rows("rateLimits")).filter((row) => "lastSeenAt" in row)).toEqual([
    expect.objectContaining(later),
  ]);

  await stage.leave("speaker again", 1000);
  await stage.deliver();
  expect(frameOf(stage, "a", "sessionEnded").reason).toBe("speakerLeft");
  expect(await stage.rows("sessions")).toEqual([expect.objectContaining(later)]);
  expect(await violations(stage)).toEqual([]);
});
