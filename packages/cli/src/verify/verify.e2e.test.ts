import { type Stack, startStack } from "offline-aws";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { checks, createVerification, type Verification } from "./suite.js";
import { root, subjectAt } from "./testing.js";

let stack: Stack;
let verification: Verification;

// Under a minute, so that the refresh is checked too.
const refreshMinutes = 0.5;

beforeAll(async () => {
  stack = await startStack({
    root,
    schedules: false,
    settings: { connectionRefreshMinutes: `${refreshMinutes}`, connectionWarningMinutes: "60" },
  });
  verification = createVerification(await subjectAt(stack, { refreshMinutes }));
});

afterAll(async () => {
  await verification?.finish();
  await stack?.stop();
});

for (const check of checks) {
  test(check.name, async () => {
    expect(await verification.perform(check)).toEqual({
      name: check.name,
      status: "passed",
      tookMs: expect.any(Number),
      seen: expect.any(String),
    });
  });
}

test("nobody is left behind", async () => {
  await verification.finish();
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
});
