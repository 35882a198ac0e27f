import { statusOf } from "@lectern/cli/client";
import { expect, test } from "vitest";
import { useStage } from "./stage.js";

const lines: Record<string, unknown>[] = [];
const stage = useStage(
  { logLevel: "WARN" },
  { observer: { onLog: ({ text }) => lines.push(JSON.parse(text)) } },
);

test("at logLevel WARN functions log metrics and errors, but no success, even when Lambda itself passes INFO", async () => {
  const speaker = await stage.create();
  const wrong = { action: "joinSession", sessionId: "golden-eagle-427", targetLanguage: "es" };
  expect(await statusOf(stage.connect(wrong))).toBe(404);
  await speaker.leave();
  await stage.stack.idle();
  expect(lines.filter((line) => "_aws" in line)).not.toEqual([]);
  expect(lines.filter((line) => !("_aws" in line))).toEqual([]);

  const restore = stage.stack.faults.inject({ match: {}, kind: "unreachable" });
  expect(await statusOf(stage.connect(wrong))).toBe(503);
  restore();
  expect(lines.filter((line) => !("_aws" in line))).toContainEqual(
    expect.objectContaining({ level: "ERROR", operation: "connect" }),
  );
});
