import { EventEmitter, once } from "node:events";
import { type SessionId, serverFrameSchema } from "@lectern/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { sessionStatus } from "../message/speaker.js";
import { reap } from "../reaper/reap.js";
import { frameOf, Killed, midnight, minute, ticketFor, useStage, violations } from "../testing/index.js";

const stage = await useStage();

test("rule 11: a speaker's refresh moves the session to the new connection, and its expiry", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  stage.pass(100 * minute);
  await stage.refresh(sessionId, "speaker", "newer");
  expect(await stage.session(sessionId)).toMatchObject({
    speakerConnectionId: "newer",
    speakerSince: midnight + 100 * minute,
    expiresAt: (midnight + 220 * minute) / 1000,
    createdAt: midnight,
  });
  expect(await stage.connection("newer")).toMatchObject({ role: "speaker", replaces: "speaker" });
  await stage.deliver();
  expect(frameOf(stage, "newer", "connectionRefreshComplete")).toMatchObject({ sessionId, role: "speaker" });
  expect(stage.sockets.of("speaker")).toMatchObject({ open: false, closes: 1 });
  await stage.leave("speaker", 1000);
  expect((await stage.session(sessionId)).isActive).toBe(true);
  expect(await violations(stage)).toEqual([]);
});

test("rule 11: another user, an anonymous client or a listener's ticket cannot take a session over", async () => {
  const sessionId = await stage.create();
  const before = await stage.rows("sessions");
  const refused = async (from: { userId: string | undefined }, ticket = "x") =>
    stage.refresh(sessionId, "speaker", "thief", { from, ticket }).catch(({ code }) => code);
  expect(await refused({ userId: "mallory" })).toBe("FORBIDDEN");
  expect(await refused({ userId: undefined })).toBe("UNAUTHORIZED");
  expect(await refused({ userId: undefined }, ticketFor(sessionId, "speaker", { role: "speaker" }))).toBe(
    "UNAUTHORIZED",
  );
  expect(await stage.rows("sessions")).toEqual(before);
  expect(await stage.connection("thief")).toBeUndefined();
});

test("rule 11: a session may be refreshed any number of times, and lasts as long as it is", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  let last = "speaker";
  for (let n = 1; n <= 5; n += 1) {
    stage.pass(100 * minute);
    await stage.refresh(sessionId, "speaker", `speaker ${n}`);
    await stage.deliver();
    expect(stage.sockets.of(last).open).toBe(false);
    last = `speaker ${n}`;
  }
  await stage.join(sessionId, "listener");
  expect(await violations(stage)).toEqual([]);
});

test("rule 16: a repeated connect of a speaker's refresh changes nothing more", async () => {
  const sessionId = await stage.create();
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  await stage.leave("newer", 1001);
  const before = await stage.rows("sessions");
  stage.pass(10_000);
  await stage.refresh(sessionId, "speaker", "newer", { from: { connectedAt: midnight } });
  expect(await stage.rows("sessions")).toEqual(before);
  expect(stage.log()).toContainEqual(expect.objectContaining({ message: "Repeated connect" }));
});

describe("a speaker's refresh that does not come about leaves the session to the speaker that it had", () => {
  const givenBack = async (sessionId: SessionId) => {
    const session = await stage.session(sessionId);
    expect(session).toMatchObject({ isActive: true, speakerConnectionId: "speaker" });
    expect(session.graceUntil).toBeUndefined();
    expect(session.previousSpeakerConnectionId).toBeUndefined();
    expect(stage.sockets.of("speaker").open).toBe(true);
    expect(await sessionStatus(stage.core, "speaker")).toMatchObject({ type: "sessionStatus" });
    expect(await violations(stage)).toEqual([]);
  };

  test.each([
    ["its row could not be written", "PutItem", "unreachable", 1],
    ["nobody answers whether the session was moved", "UpdateItem", "lost-answer", 3],
  ] as const)("when %s", async (_, operation, kind, times) => {
    const sessionId = await stage.create();
    await stage.deliver();
    stage.inject({ kind, match: { operation }, times });
    await expect(stage.refresh(sessionId, "speaker", "newer")).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    await givenBack(sessionId);
  });

  test.each([
    ["its socket never opens", undefined],
    ["its client gives it up before its welcome", 4000],
    ["its client gives it up before its welcome without a code", 1005],
  ])("when %s", async (_, code) => {
    const sessionId = await stage.create();
    await stage.join(sessionId, "listener");
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    if (code === undefined) {
      stage.sockets.drop("newer");
      stage.pass(10_000);
    } else {
      await stage.leave("newer", code);
    }
    await stage.deliver();
    await givenBack(sessionId);
    expect(stage.sockets.types("listener")).toEqual(["sessionJoined"]);
    await stage.refresh(sessionId, "speaker", "another");
    await stage.deliver();
    expect(frameOf(stage, "another", "connectionRefreshComplete").role).toBe("speaker");
    expect(stage.sockets.of("speaker").open).toBe(false);
    expect(await violations(stage)).toEqual([]);
  });

  test("when its function dies before its row: the reaper gives the session back", async () => {
    const sessionId = await stage.create();
    await stage.deliver();
    await expect(stage.refresh(sessionId, "speaker", "newer", { by: stage.dying(1) })).rejects.toThrow(
      Killed,
    );
    stage.pass(minute);
    await reap(stage.core);
    await givenBack(sessionId);
  });

  test("and to a new grace period, when that speaker is gone", async () => {
    const sessionId = await stage.create();
    await stage.leave("speaker", 1001);
    stage.pass(10_000);
    stage.inject({ kind: "unreachable", match: { operation: "PutItem" }, times: 1 });
    await expect(stage.refresh(sessionId, "speaker", "newer")).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    const session = await stage.session(sessionId);
    expect(session).toMatchObject({ speakerConnectionId: "speaker", graceUntil: stage.now() + 30_000 });
    expect(session.previousSpeakerConnectionId).toBeUndefined();
  });

  test("and ends it, when that speaker is gone and the new one leaves on purpose", async () => {
    const sessionId = await stage.create();
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    await stage.leave("speaker", 1000);
    expect((await stage.session(sessionId)).isActive).toBe(true);
    await stage.leave("newer", 1000);
    expect(await stage.session(sessionId)).toMatchObject({ isActive: false, endReason: "speakerLeft" });
  });

  test("and ends it at once when there is no grace", async () => {
    const by = stage.with({ speakerGraceSeconds: 0 });
    const sessionId = await stage.create();
    await stage.deliver();
    await stage.refresh(sessionId, "speaker", "newer");
    await stage.leave("speaker", 1001, by);
    await stage.leave("newer", 1001, by);
    expect(await stage.session(sessionId)).toMatchObject({ isActive: false, endReason: "speakerLost" });
  });
});

test("a speaker's refresh of which an answer was lost is done once and welcomed", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  stage.inject({ kind: "lost-answer", match: { operation: "UpdateItem" }, times: 1 });
  await stage.refresh(sessionId, "speaker", "newer");
  await stage.deliver();
  expect(frameOf(stage, "newer", "connectionRefreshComplete").role).toBe("speaker");
  expect(stage.sockets.of("speaker").open).toBe(false);
  expect(await violations(stage)).toEqual([]);
});

test("rule 16: a connect that is repeated before its welcome changes nothing more", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "newer");
  const before = [await stage.rows("sessions"), await stage.rows("connections")];
  await stage.refresh(sessionId, "speaker", "newer");
  expect([await stage.rows("sessions"), await stage.rows("connections")]).toEqual(before);
});

test("rule 11: a speaker's old connection hears that another has taken over, unless its own client has refreshed it", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  await stage.refresh(sessionId, "speaker", "refreshed", {
    ticket: ticketFor(sessionId, "speaker", { role: "speaker" }),
  });
  await stage.deliver();
  expect(stage.sockets.types("speaker")).toEqual(["sessionCreated"]);
  await stage.refresh(sessionId, "speaker", "elsewhere", {
    ticket: ticketFor(sessionId, "speaker", { role: "speaker" }),
  });
  await stage.deliver();
  expect(stage.sockets.types("refreshed")).toEqual(["connectionRefreshComplete", "error"]);
  const frame = frameOf(stage, "refreshed", "error");
  expect(v.parse(serverFrameSchema, frame)).toEqual({
    type: "error",
    timestamp: stage.now(),
    code: "FORBIDDEN",
    message: "Another connection has taken this session over",
    status: 403,
    retryable: false,
    details: { reason: "replaced", sessionId },
  });
  expect(stage.sockets.opened()).toEqual(["elsewhere"]);
});

test("rule 11: of two connections that take over at once the later speaks, and the other is closed", async () => {
  const sessionId = await stage.create();
  await stage.deliver();
  const gate = new EventEmitter();
  const held = once(gate, "open").then(() => undefined);
  const slow = stage.process(({ name }) => (name === "PutItem" ? held : undefined));
  const overtaken = stage.refresh(sessionId, "speaker", "overtaken", { by: slow });
  await expect.poll(async () => (await stage.session(sessionId)).speakerConnectionId).toBe("overtaken");
  await stage.refresh(sessionId, "speaker", "later");
  await stage.deliver();
  gate.emit("open");
  await overtaken;
  await stage.deliver();
  expect(stage.sockets.types("later")).toEqual(["connectionRefreshComplete"]);
  expect(frameOf(stage, "overtaken", "error")).toMatchObject({
    code: "FORBIDDEN",
    details: { reason: "replaced" },
  });
  expect(stage.sockets.opened()).toEqual(["later"]);
  expect(await violations(stage)).toEqual([]);
});
