import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { beat } from "../heartbeat/heartbeat.js";
import type { Core } from "../port/core.js";
import { SocketError } from "../port/sockets.js";
import { reap } from "../reaper/reap.js";
import {
  connectionRow,
  frameOf,
  hour,
  midnight,
  minute,
  second,
  signingKey,
  useStage,
  violations,
} from "../testing/index.js";
import { readTicket } from "../value/ticket.js";
import { drain, type Step, type Stepped, stepSchema } from "./drain.js";

const stage = await useStage();

const required = "connectionRefreshRequired";

/** Drains all pages, one after the other. */
const drainAll = async (
  step: Step,
  { by = stage.core, between = async () => {} }: { by?: Core; between?: () => Promise<unknown> } = {},
): Promise<Stepped[]> => {
  const steps = [await drain(by, step)];
  for (let last = steps[0]; last?.next !== undefined; last = steps.at(-1)) {
    await between();
    steps.push(await drain(by, { ...step, after: last.next, connectedBefore: last.connectedBefore }));
  }
  return steps;
};

const total = (steps: readonly Stepped[], of: "asked" | "gone" | "failed" | "opening"): number =>
  steps.reduce((sum, step) => sum + step[of], 0);

/** A session with this many listeners, welcomed a minute ago. */
const hall = async (size: number, by: Core = stage.core) => {
  const sessionId = await stage.create();
  const listeners = Array.from({ length: size }, (_, n) => `listener ${n}`);
  for (const id of listeners) await stage.join(sessionId, id, { by });
  await stage.deliver();
  stage.pass(minute);
  return { sessionId, listeners, everybody: ["speaker", ...listeners] };
};

test("a drain asks speakers and listeners of every session, with the very frame of a heartbeat", async () => {
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener", { targetLanguage: "de" });
  await stage.create("another speaker", { from: { userId: "bob" } });
  stage.pass(100 * minute);
  const asked = await drain(stage.core, { limit: 500 });
  expect(asked).toEqual({ asked: 3, gone: 0, failed: 0, opening: 0, connectedBefore: stage.now() });
  for (const connectionId of ["speaker", "listener", "another speaker"]) {
    const drained = frameOf(stage, connectionId, required);
    await beat(stage.core, { connectionId, connectedAt: midnight });
    expect(stage.sockets.of(connectionId).frames).toEqual([drained, drained]);
    expect(drained).not.toHaveProperty("url");
  }
});

test("a ticket of a drain is good for as long as the connection it replaces", async () => {
  const { sessionId } = await hall(1);
  await drain(stage.core, { limit: 500 });
  const { ticket, deadline } = frameOf(stage, "listener 0", required);
  expect(deadline).toBe(midnight + 2 * hour);
  expect(readTicket(ticket, signingKey, deadline - 1)).toEqual({
    connectionId: "listener 0",
    sessionId,
    role: "listener",
    targetLanguage: "es",
    expiresAt: deadline,
  });
  expect(readTicket(ticket, signingKey, deadline)).toBeUndefined();
});

test("where clients are to come to is in the frame, and in its message", async () => {
  await hall(1);
  await drain(stage.core, { limit: 500, url: "wss://live.example.com" });
  for (const id of ["speaker", "listener 0"]) {
    const { url, message } = frameOf(stage, id, required);
    expect(url).toBe("wss://live.example.com");
    expect(message).toBe(
      "Open a new connection with refreshConnection at wss://live.example.com; this one will be closed once that is in place",
    );
  }
});

test("page after page everybody is asked once", async () => {
  const { everybody } = await hall(12);
  const steps = await drainAll({ limit: 3 });
  expect(steps.length).toBeGreaterThanOrEqual(5);
  for (const { asked } of steps) expect(asked).toBeLessThanOrEqual(3);
  expect(total(steps, "asked")).toBe(13);
  for (const id of everybody) {
    expect(stage.sockets.types(id).filter((type) => type === required)).toHaveLength(1);
  }
});

test("an empty table has one step, which asks no client", async () => {
  expect(await drain(stage.core, { limit: 1 })).toEqual({
    asked: 0,
    gone: 0,
    failed: 0,
    opening: 0,
    connectedBefore: midnight,
  });
});

test("a client that refreshes during a drain is not asked again by it", async () => {
  const { sessionId, listeners } = await hall(12);
  const waiting = new Set(listeners);
  const comeBack = async () => {
    for (const id of waiting) {
      if (!stage.sockets.types(id).includes(required)) continue;
      waiting.delete(id);
      const { ticket } = frameOf(stage, id, required);
      await stage.refresh(sessionId, "listener", `${id} again`, { ticket });
    }
    await stage.deliver();
    // Their new connections have long been welcomed when the next page reaches them.
    stage.pass(20 * second);
  };
  const steps = await drainAll({ limit: 2 }, { between: comeBack });
  await comeBack();
  expect(total(steps, "asked")).toBe(13);
  expect(waiting.size).toBe(0);
  for (const id of listeners)
    expect(stage.sockets.types(`${id} again`)).toEqual(["connectionRefreshComplete"]);
  expect(await violations(stage)).toEqual([]);
});

test("a second drain with the first one's connectedBefore asks only the clients that have not refreshed", async () => {
  const { sessionId } = await hall(3);
  const { connectedBefore } = await drain(stage.core, { limit: 500 });
  const { ticket } = frameOf(stage, "listener 1", required);
  stage.pass(second);
  await stage.refresh(sessionId, "listener", "listener 1 again", { ticket });
  await stage.refresh(sessionId, "speaker", "speaker again");
  await stage.deliver();
  stage.pass(minute);
  expect(await drain(stage.core, { limit: 500, connectedBefore })).toMatchObject({ asked: 2 });
  for (const id of ["listener 0", "listener 2"]) {
    expect(stage.sockets.types(id).filter((type) => type === required)).toHaveLength(2);
  }
});

test("connections that were refused, or may not be open yet, are passed over", async () => {
  const { sessionId } = await hall(1);
  await stage.shake(
    stage.core,
    { action: "joinSession", sessionId, targetLanguage: "xx", errors: "frame" },
    stage.arrival("refused"),
  );
  expect(await stage.connection("refused")).toMatchObject({ role: "refused" });
  stage.pass(second);
  await stage.join(sessionId, "young");
  stage.pass(10 * second - 1);
  expect(await drain(stage.core, { limit: 500 })).toMatchObject({ asked: 2, opening: 1 });
  expect(stage.sockets.types("refused")).toEqual([]);
  expect(stage.sockets.types("young")).toEqual([]);
  stage.pass(1);
  expect(await drain(stage.core, { limit: 500 })).toMatchObject({ asked: 3, opening: 0 });
  expect(stage.sockets.types("young")).toEqual([required]);
});

test("a client that is gone, or cannot be reached, does not stop the others from being asked", async () => {
  const { everybody } = await hall(60);
  stage.sockets.drop("listener 3");
  stage.sockets.fail("listener 4");
  expect(await drain(stage.core, { limit: 500 })).toMatchObject({ asked: 59, gone: 1, failed: 1 });
  for (const id of everybody.filter((id) => id !== "listener 3" && id !== "listener 4")) {
    expect(stage.sockets.types(id)).toContain(required);
  }
  expect(stage.log()).toContainEqual(expect.objectContaining({ level: "warn" }));
});

test("a row of another version is passed over as failed, and its neighbours are asked", async () => {
  await hall(2);
  await stage.plant("connections", connectionRow({ connectionId: "later version" }));
  expect(await drain(stage.core, { limit: 500 })).toMatchObject({ asked: 3, failed: 1 });
});

test("a 403 concerns every client: the step fails, and its message says what is missing", async () => {
  await hall(3);
  stage.sockets.of("listener 1").failure = new SocketError("status 403", 403);
  await expect(drain(stage.core, { limit: 500 })).rejects.toThrow(
    "the role lacks execute-api:ManageConnections",
  );
});

test("an error that is no SocketError is a bug, and is thrown", async () => {
  await hall(1);
  stage.sockets.of("speaker").failure = new TypeError("a bug");
  await expect(drain(stage.core, { limit: 500 })).rejects.toThrow("a bug");
});

test("a throttled table is read again, one out of reach fails the step", async () => {
  await hall(1);
  stage.inject({ kind: "throttle", match: { table: stage.tables.connections, operation: "Scan" }, times: 1 });
  expect(await drain(stage.core, { limit: 500 })).toMatchObject({ asked: 2 });
  stage.inject({ kind: "unreachable", match: { table: stage.tables.connections } });
  await expect(drain(stage.core, { limit: 500 })).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});

test("at most fifty clients are posted to at once", async () => {
  await stage.plant(
    "connections",
    ...Array.from({ length: 120 }, (_, n) =>
      connectionRow({ connectionId: `speaker ${n}`, role: "speaker", sessionId: "golden-eagle-427" }),
    ),
  );
  stage.pass(minute);
  let under = 0;
  let most = 0;
  const send: Core["sockets"]["send"] = async () => {
    under += 1;
    most = Math.max(most, under);
    await new Promise(setImmediate);
    under -= 1;
    return "sent";
  };
  const by = { ...stage.core, sockets: { ...stage.core.sockets, send } };
  expect(await drain(by, { limit: 500 })).toMatchObject({ asked: 120 });
  expect(most).toBe(50);
});

test("a drain is one read, and changes nothing: to reaper and heartbeat a drained connection is like any other", async () => {
  await hall(3);
  const rows = async () => [await stage.rows("sessions"), await stage.rows("connections")];
  const before = await rows();
  stage.forgetRequests();
  await drain(stage.core, { limit: 500 });
  await drain(stage.core, { limit: 500 });
  expect(stage.requests()).toEqual(["Scan", "Scan"]);
  expect(await rows()).toEqual(before);
  expect(await beat(stage.core, { connectionId: "listener 0", connectedAt: midnight })).toMatchObject({
    type: "heartbeatAck",
  });
  expect(stage.sockets.types("listener 0")).toEqual(["sessionJoined", required, required]);
  expect(await reap(stage.core)).toMatchObject({ ended: 0, dismissed: 0, silenced: 0, drift: 0 });
  expect(await rows()).toEqual(before);
  expect(await violations(stage)).toEqual([]);
});

test("rule 11: in a full session every client that was asked finds a seat by its ticket, all at once", async () => {
  const by = stage.with({ maxListenersPerSession: 10 });
  const { sessionId, listeners } = await hall(10, by);
  await drain(by, { limit: 500 });
  await Promise.all(
    listeners.map((id) => {
      const { ticket } = frameOf(stage, id, required);
      return stage.refresh(sessionId, "listener", `${id} again`, { by, ticket });
    }),
  );
  expect((await stage.session(sessionId)).listenerCount).toBe(20);
  await expect(stage.join(sessionId, "stranger", { by })).rejects.toMatchObject({ code: "SESSION_FULL" });
  await stage.deliver(by);
  expect((await stage.session(sessionId)).listenerCount).toBe(10);
  for (const id of listeners) expect(stage.sockets.of(id).open).toBe(false);
  expect(await violations(stage, { capacity: 10 })).toEqual([]);
});

test("a stage's shorter connections have shorter tickets", async () => {
  const by = stage.with({ connectionMaxDurationHours: 0.5 });
  await hall(1, by);
  await drain(by, { limit: 500 });
  expect(frameOf(stage, "listener 0", required).deadline).toBe(midnight + hour / 2);
});

describe("a step", () => {
  test.each([
    { limit: 1 },
    { limit: 500, after: "TXzPWdnOjoECGjA=", connectedBefore: midnight, url: "wss://live.example.com" },
  ])("%j is valid", (step) => {
    expect(v.parse(stepSchema, step)).toEqual(step);
  });

  test.each([
    [{}, "limit"],
    [{ limit: 0 }, "limit"],
    [{ limit: 501 }, "limit"],
    [{ limit: 1.5 }, "limit"],
    [{ limit: "50" }, "limit"],
    [{ limit: 50, after: "" }, "after"],
    [{ limit: 50, connectedBefore: "today" }, "connectedBefore"],
    [{ limit: 50, url: "ws://live.example.com" }, "url"],
    [{ limit: 50, url: "" }, "url"],
  ])("%j is invalid, for its %s", (step, parameter) => {
    const { issues } = v.safeParse(stepSchema, step);
    expect(issues && v.getDotPath(issues[0])).toBe(parameter);
  });
});
