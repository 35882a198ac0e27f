import { expect, test } from "vitest";
import { onDisconnect } from "./disconnect/connection.js";
import { beat } from "./heartbeat/heartbeat.js";
import { inStep, longestSequence, minute, type Process, ticketFor, useStage } from "./testing/index.js";

const stage = await useStage();

/** The cost of a flow: its DynamoDB requests, and how many of them must wait for each other. */
const costOf = async (flow: (by: Process) => Promise<unknown>) => {
  const by: Process = stage.process(inStep(() => by.calls));
  stage.forgetRequests();
  await flow(by);
  const calls = by.calls.filter(({ name }) => /^[A-Z]/.test(name));
  // Also counted by the engine, so that a retry by the SDK itself would show.
  expect(stage.requests()).toHaveLength(calls.length);
  return { requests: calls.length, sequence: longestSequence(calls) };
};

test("budget: create, 3 requests in sequence", async () => {
  const cost = await costOf((by) => stage.create("speaker", { by }));
  expect(cost).toEqual({ requests: 3, sequence: 3 });
});

test("budget: join, 4 requests of which 2 in sequence", async () => {
  const sessionId = await stage.opened();
  const cost = await costOf((by) => stage.join(sessionId, "listener", { by }));
  expect(cost).toEqual({ requests: 4, sequence: 2 });
});

test("budget: join in a burst, one request more per limit", async () => {
  const sessionId = await stage.opened();
  const from = { address: "203.0.113.7" };
  await stage.join(sessionId, "first", { from });
  const cost = await costOf((by) => stage.join(sessionId, "listener", { by, from }));
  expect(cost).toEqual({ requests: 6, sequence: 3 });
});

test("budget: heartbeat, 1 request", async () => {
  await stage.opened();
  const cost = await costOf((by) => beat(by, { connectionId: "speaker", connectedAt: stage.now() }));
  expect(cost).toEqual({ requests: 1, sequence: 1 });
});

test("budget: heartbeat past the refresh moment, 2 requests in sequence", async () => {
  await stage.opened();
  const connectedAt = stage.now();
  stage.pass(110 * minute);
  const cost = await costOf((by) => beat(by, { connectionId: "speaker", connectedAt }));
  expect(cost).toEqual({ requests: 2, sequence: 2 });
});

test("budget: a listener's leave, 2 requests in sequence", async () => {
  await stage.opened("listener");
  const cost = await costOf((by) => onDisconnect(by, "listener", { code: 1001, ageMs: 0 }));
  expect(cost).toEqual({ requests: 2, sequence: 2 });
});

test("budget: a repeated leave, 1 request", async () => {
  await stage.opened();
  const cost = await costOf((by) => onDisconnect(by, "listener", { code: 1001, ageMs: 0 }));
  expect(cost).toEqual({ requests: 1, sequence: 1 });
});

test.each([1000, 1001])("budget: a speaker's leave with %i, 2 requests in sequence", async (code) => {
  await stage.opened();
  const cost = await costOf((by) => onDisconnect(by, "speaker", { code, ageMs: 0 }));
  expect(cost).toEqual({ requests: 2, sequence: 2 });
});

test("budget: a speaker's refresh, 2 requests in sequence", async () => {
  const sessionId = await stage.opened();
  const cost = await costOf((by) => stage.refresh(sessionId, "speaker", "newer", { by }));
  expect(cost).toEqual({ requests: 2, sequence: 2 });
});

test("budget: a listener's refresh, 3 requests of which 2 in sequence", async () => {
  const sessionId = await stage.opened("old");
  const ticket = ticketFor(sessionId, "old");
  const cost = await costOf((by) => stage.refresh(sessionId, "listener", "new", { by, ticket }));
  expect(cost).toEqual({ requests: 3, sequence: 2 });
});

test("the longest sequence is that of calls which waited for each other", () => {
  const call = (begun: number, ended: number) => ({ name: "GetItem", target: "", begun, ended });
  expect(longestSequence([])).toBe(0);
  expect(longestSequence([call(1, 4), call(2, 3)])).toBe(1);
  expect(longestSequence([call(1, 2), call(3, 4), call(1, 5), call(6, 7)])).toBe(3);
});
