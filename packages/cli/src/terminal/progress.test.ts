import { expect, test } from "vitest";
import { createProgress } from "./progress.js";

const progressOn = (isTTY: boolean) => {
  const clock = { at: 0 };
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const progress = createProgress({ isTTY, write }, () => clock.at);
  const sayAt = (...times: number[]) => {
    for (const at of times) {
      clock.at = at;
      progress.say(`${at} ms`);
    }
  };
  return { progress, sayAt, text: () => text };
};

test("a task of less than two seconds shows no progress, a longer one a line every two seconds", () => {
  const { sayAt, text } = progressOn(false);
  sayAt(0, 1_999);
  expect(text()).toBe("");
  sayAt(2_000, 2_001, 3_999, 4_000);
  expect(text()).toBe("2000 ms\n4000 ms\n");
});

test("on a terminal each line replaces the one before, and the last stays", () => {
  const { progress, sayAt, text } = progressOn(true);
  sayAt(2_000, 4_000);
  progress.end();
  progress.end();
  expect(text()).toBe("\r2000 ms\x1b[K\r4000 ms\x1b[K\n");
});
