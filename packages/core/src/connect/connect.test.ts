import { serverFrameSchema } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import type { Core } from "../port/core.js";
import {
  frameOf,
  hour,
  midnight,
  minute,
  type Stage,
  ticketFor,
  useStage,
  violations,
} from "../testing/index.js";
import { connect } from "./connect.js";

const stage = await useStage();

const everything = async () => [
  await stage.rows("sessions"),
  await stage.rows("connections"),
  await stage.rows("rateLimits"),
];

const empty = [[], [], []];

const from = { address: "203.0.113.7" };

/** The error code of the handshake's refusal; undefined when it is accepted. */
const refusalOf = (
  query: Record<string, string>,
  connectionId: string,
  more: Parameters<Stage["arrival"]>[1] = {},
  by: Core = stage.core,
): Promise<string | undefined> =>
  stage.shake(by, query, stage.arrival(connectionId, more)).then(
    () => undefined,
    ({ code }) => code,
  );

test.each([
  ["INVALID_ACTION", {}],
  ["INVALID_PARAMETERS", { action: "createSession" }],
  ["INVALID_LANGUAGE", { action: "createSession", sourceLanguage: "English" }],
  ["UNSUPPORTED_LANGUAGE", { action: "createSession", sourceLanguage: "xx" }],
  ["INVALID_SESSION_ID", { action: "joinSession", sessionId: "1", targetLanguage: "es" }],
])("a handshake that is refused with %s leaves nothing in any table", async (code, query) => {
  expect(await refusalOf(query, "refused", { userId: "alice" })).toBe(code);
  expect(await everything()).toEqual(empty);
});

test("a refused join leaves only its address's limits", async () => {
  const query = { action: "joinSession", sessionId: "golden-eagle-427", targetLanguage: "es" };
  expect(await refusalOf(query, "refused")).toBe("SESSION_NOT_FOUND");
  const [sessions, connections, limits] = await everything();
  expect([sessions, connections]).toEqual([[], []]);
  expect(limits?.map(({ identifier }) => String(identifier).replace(/:[\w-]+$/, "")).sort()).toEqual([
    "connect:address",
    "join:address",
  ]);
});

test("rule 21: without the token service a listener with a token is let in, and a speaker is not", async () => {
  const sessionId = await stage.create();
  const refusal = "SERVICE_UNAVAILABLE";
  for (const action of ["joinSession", "refreshConnection"]) {
    const query = { action, sessionId, role: "listener", targetLanguage: "es" };
    await stage.shake(stage.core, query, stage.arrival(`listener by ${action}`), refusal);
  }
  expect((await stage.session(sessionId)).listenerCount).toBe(2);
  for (const query of [
    { action: "createSession", sourceLanguage: "en" },
    { action: "refreshConnection", sessionId, role: "speaker" },
  ]) {
    await expect(
      connect(stage.core, { arrival: stage.arrival("speaker"), query, refusal }),
    ).rejects.toMatchObject({ code: refusal });
  }
});

test.each(["UNAUTHORIZED", "TOKEN_EXPIRED"] as const)(
  "rule 19: a token that the authorizer found %s is refused, even where no token is needed",
  async (refusal) => {
    const sessionId = await stage.create();
    const before = await everything();
    const query = { action: "joinSession", sessionId, targetLanguage: "es" };
    await expect(
      connect(stage.core, { arrival: stage.arrival("listener"), query, refusal }),
    ).rejects.toMatchObject({ code: refusal });
    expect(await everything()).toEqual(before);
  },
);

test.each([
  ["a bad token", {}, "TOKEN_EXPIRED" as const, "TOKEN_EXPIRED"],
  ["an unknown action", { action: "listen" }, undefined, "INVALID_ACTION"],
  ["a missing parameter", { action: "createSession" }, undefined, "INVALID_PARAMETERS"],
  ["no token", { action: "createSession", sourceLanguage: "en" }, undefined, "UNAUTHORIZED"],
  [
    "an unknown session",
    { action: "joinSession", sessionId: "golden-eagle-427", targetLanguage: "es" },
    undefined,
    "SESSION_NOT_FOUND",
  ],
])("with errors=frame %s is let in, told and closed", async (_, query, refusal, code) => {
  await stage.shake(stage.core, { ...query, errors: "frame" }, stage.arrival("refused"), refusal);
  await stage.deliver();
  const frame = frameOf(stage, "refused", "error");
  expect(v.parse(serverFrameSchema, frame)).toEqual(frame);
  expect(frame.code).toBe(code);
  expect(stage.sockets.of("refused")).toMatchObject({ open: false, closes: 1 });
  expect(await stage.rows("connections")).toEqual([]);
  expect(await violations(stage)).toEqual([]);
});

test("with errors=frame the frame says everything that the refusal knows", async () => {
  const by = stage.with({ rateLimitSessionsPerHour: 1 });
  await stage.create("first", { by });
  await stage.shake(
    by,
    { action: "createSession", sourceLanguage: "en", errors: "frame" },
    stage.arrival("second", { userId: "alice" }),
  );
  await stage.deliver();
  expect(frameOf(stage, "second", "error")).toEqual({
    type: "error",
    timestamp: midnight,
    code: "RATE_LIMIT_EXCEEDED",
    message: "Too many requests: try again in 3600 s",
    status: 429,
    retryable: true,
    retryAfter: 3600,
    details: { limit: "sessions" },
  });
});

test("a failed join names the session in its frame", async () => {
  const query = { action: "joinSession", sessionId: "golden-eagle-427", errors: "frame" };
  await stage.shake(stage.core, { ...query, targetLanguage: "es" }, stage.arrival("unknown"));
  await stage.shake(stage.core, query, stage.arrival("incomplete"));
  await stage.shake(
    stage.core,
    { ...query, sessionId: "<b>", targetLanguage: "es" },
    stage.arrival("malformed"),
  );
  await stage.deliver();
  expect(frameOf(stage, "unknown", "error").details).toEqual({ sessionId: "golden-eagle-427" });
  expect(frameOf(stage, "incomplete", "error").details).toEqual({
    parameter: "targetLanguage",
    sessionId: "golden-eagle-427",
  });
  // Text that is no session id is not echoed.
  expect(frameOf(stage, "malformed", "error").details).toEqual({ parameter: "sessionId" });
});

test.each(["errors=frame", "a plain handshake"])(
  "rule 13: beyond its connection attempts an address is refused by the handshake's status, with %s",
  async (way) => {
    const sessionId = await stage.create();
    const by = stage.with({ rateLimitConnectionAttemptsPerMin: 3, rateLimitListenerJoinsPerMin: 100 });
    const query = {
      action: "joinSession",
      sessionId,
      targetLanguage: "es",
      ...(way === "errors=frame" ? { errors: "frame" } : {}),
    };
    for (const id of ["a", "b", "c"]) expect(await refusalOf(query, id, from, by)).toBeUndefined();
    await expect(
      connect(by, { arrival: stage.arrival("d", from), query, refusal: undefined }),
    ).rejects.toMatchObject({
      code: "RATE_LIMIT_EXCEEDED",
      retryAfter: 20,
      details: { limit: "connectionAttempts" },
    });
    expect(await stage.connection("d")).toBeUndefined();
    expect((await stage.session(sessionId)).listenerCount).toBe(3);
  },
);

test("rule 13: refusals by frame are limited as connection attempts, bad tokens too", async () => {
  const codes: (string | undefined)[] = [];
  for (let n = 1; n <= 22; n += 1) {
    const arrival = stage.arrival(`c${n}`, from);
    codes.push(
      await connect(stage.core, { arrival, query: { errors: "frame" }, refusal: "UNAUTHORIZED" }).then(
        () => undefined,
        ({ code }) => code,
      ),
    );
  }
  expect(codes.filter((code) => code === undefined)).toHaveLength(20);
  expect(codes.slice(20)).toEqual(["RATE_LIMIT_EXCEEDED", "RATE_LIMIT_EXCEEDED"]);
});

test("a handshake counts as one attempt, however often it is asked about", async () => {
  const by = stage.with({ rateLimitConnectionAttemptsPerMin: 2 });
  const query = {
    action: "joinSession",
    sessionId: "golden-eagle-427",
    targetLanguage: "es",
    errors: "frame",
  };
  expect(await refusalOf(query, "a", from, by)).toBeUndefined();
  expect(await refusalOf(query, "b", from, by)).toBeUndefined();
  expect(await refusalOf(query, "c", from, by)).toBe("RATE_LIMIT_EXCEEDED");
});

test("rule 13: no limit of an address concerns a verified speaker, refused or not", async () => {
  const by = stage.with({ rateLimitConnectionAttemptsPerMin: 1 });
  const alice = { ...from, userId: "alice" };
  const sessionId = await stage.create("speaker", { by, from: alice });
  for (const id of ["a", "b", "c"]) await stage.refresh(sessionId, "speaker", id, { by, from: alice });
  for (const id of ["d", "e", "f"]) {
    const query = { action: "createSession", sourceLanguage: "xx", errors: "frame" };
    expect(await refusalOf(query, id, alice, by)).toBeUndefined();
  }
  const limits = (await stage.rows("rateLimits")).map(({ identifier }) => String(identifier));
  expect(limits.filter((identifier) => identifier.startsWith("connect:"))).toEqual([]);
});

test("rule 13: a listener's token changes nothing: it is limited by its address like everybody", async () => {
  const sessionId = await stage.create();
  const by = stage.with({ rateLimitConnectionAttemptsPerMin: 2 });
  const query = { action: "joinSession", sessionId, targetLanguage: "es", errors: "frame" };
  const bob = { ...from, userId: "bob" };
  for (const id of ["a", "b"]) expect(await refusalOf(query, id, bob, by)).toBeUndefined();
  expect(await refusalOf(query, "c", bob, by)).toBe("RATE_LIMIT_EXCEEDED");
  expect(await refusalOf({ ...query, sessionId: "x" }, "d", bob, by)).toBe("RATE_LIMIT_EXCEEDED");
  expect(await stage.connection("c")).toBeUndefined();
});

test("rule 13: a valid ticket and a shared network are let in beyond the address's attempts", async () => {
  const by = stage.with({ rateLimitConnectionAttemptsPerMin: 1, rateLimitListenerJoinsPerMin: 1 });
  const shared = await stage.create("a", { sharedNetwork: true });
  const own = await stage.create("b");
  for (const id of ["1", "2", "3"]) await stage.join(shared, id, { by, from });
  await expect(stage.join(own, "4", { by, from })).rejects.toMatchObject({ code: "RATE_LIMIT_EXCEEDED" });
  await expect(stage.join("golden-eagle-427", "5", { by, from })).rejects.toMatchObject({
    code: "RATE_LIMIT_EXCEEDED",
  });
  await stage.join(own, "6", { by });
  const ticket = ticketFor(own, "6");
  await stage.refresh(own, "listener", "7", { by, from, ticket });
  expect((await stage.session(own)).listenerCount).toBe(2);
});

test("rule 21: with the limits' table down a refusal still comes by frame", async () => {
  stage.inject({ kind: "unreachable", match: { table: stage.tables.rateLimits } });
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  await stage.deliver();
  expect(frameOf(stage, "refused", "error").code).toBe("INVALID_ACTION");
});

test("rule 21: when even the refusal's row cannot be written, the handshake is refused", async () => {
  stage.inject({ kind: "unreachable", match: { table: stage.tables.connections } });
  const query = {
    action: "joinSession",
    sessionId: "golden-eagle-427",
    targetLanguage: "es",
    errors: "frame",
  };
  expect(await refusalOf(query, "refused")).toBe("SERVICE_UNAVAILABLE");
});

test("a bug is thrown, and not sent to the client, also with errors=frame", async () => {
  const core = { ...stage.core, tables: { ...stage.tables, sessions: "Missing" } };
  const query = {
    action: "joinSession",
    sessionId: "golden-eagle-427",
    targetLanguage: "es",
    errors: "frame",
  };
  await expect(
    connect(core, { arrival: stage.arrival("x"), query, refusal: undefined }),
  ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  expect(await stage.rows("connections")).toEqual([]);
});

test("rule 16: a repeated connect that would be refused now leaves the listener its row", async () => {
  const by = stage.with({ maxListenersPerSession: 1 });
  const sessionId = await stage.create();
  await stage.join(sessionId, "listener", { by });
  const before = await stage.rows("connections");
  await stage.join(sessionId, "listener", { by, errors: "frame" });
  expect(await stage.rows("connections")).toEqual(before);
  expect((await stage.session(sessionId)).listenerCount).toBe(1);
});

test("rule 20: a refused client's row has a TTL like any other", async () => {
  stage.pass(minute);
  await stage.shake(stage.core, { errors: "frame" }, stage.arrival("refused"));
  expect((await stage.connection("refused"))?.ttl).toBe((midnight + minute + 3 * hour) / 1000);
});
