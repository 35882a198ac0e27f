import { expect, test } from "vitest";
import { joinAtOnce, useStage, violations } from "../testing/index.js";

const stage = await useStage();

test("rule 14: the 501st of 501 simultaneous listeners is refused and no seat is oversold", async () => {
  const { outcomes, sessionId } = await joinAtOnce(stage, 501, 500);
  expect(outcomes.filter((outcome) => outcome === "seated")).toHaveLength(500);
  expect(outcomes.filter((outcome) => outcome !== "seated")).toEqual([`SESSION_FULL ${sessionId}`]);
  expect((await stage.session(sessionId)).listenerCount).toBe(500);
  expect(await violations(stage)).toEqual([]);
});
