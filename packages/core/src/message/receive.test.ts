import { expect, test } from "vitest";
import { useStage } from "../testing/index.js";
import { confirm } from "./receive.js";

const stage = await useStage();

test("rule 11: a connection that is in place gets this confirmed, and nothing changes", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener");
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  expect(await confirm(stage.core, "listener", sessionId)).toMatchObject({
    type: "connectionRefreshComplete",
    sessionId,
    role: "listener",
    targetLanguage: "es",
    connectionId: "listener",
  });
  expect(await confirm(stage.core, "speaker", sessionId)).toMatchObject({ role: "speaker" });
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
});

test("rule 11: a connection of another session, or one that was refused, confirms nothing", async () => {
  const sessionId = await stage.create("a");
  const other = await stage.create("b");
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  for (const id of ["b", "refused"]) {
    await expect(confirm(stage.core, id, sessionId)).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
  expect(await confirm(stage.core, "b", other)).toMatchObject({ sessionId: other });
});

test("a connection that is not there can confirm nothing", async () => {
  const sessionId = await stage.create();
  await expect(confirm(stage.core, "unknown", sessionId)).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
});
