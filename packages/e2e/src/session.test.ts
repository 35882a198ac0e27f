import { statusOf } from "@lectern/cli/client";
import { hashId } from "@lectern/core";
import { loadIssuer } from "offline-aws";
import { expect, test } from "vitest";
import { root, useStage } from "./stage.js";

const logged: string[] = [];
const stage = useStage({}, { observer: { onLog: ({ text }) => logged.push(text) } });

const sessionOf = (sessionId: string) => stage.sessionOf(sessionId);

const rowsOf = (sessionId: string) => stage.rowsOf(sessionId);

test("rule 1: a speaker with a valid token gets a session with an id that can be said aloud", async () => {
  const speaker = await stage.connect({
    action: "createSession",
    sourceLanguage: "en",
    qualityTier: "premium",
    token: stage.token(),
  });
  const created = await speaker.next("sessionCreated");
  expect(created.sessionId).toMatch(/^[a-z]+-[a-z]+-[1-9]\d\d$/);
  expect(created).toMatchObject({ sourceLanguage: "en", qualityTier: "premium" });
  const row = await sessionOf(created.sessionId);
  expect(row).toMatchObject({
    speakerConnectionId: created.connectionId,
    speakerUserId: expect.any(String),
    sourceLanguage: "en",
    qualityTier: "premium",
    isActive: true,
    listenerCount: 0,
    sharedNetwork: false,
  });
  expect(created.expiresAt).toBe((row?.expiresAt ?? 0) * 1000);
  expect(created.expiresAt - (row?.createdAt ?? 0)).toBeGreaterThanOrEqual(2 * 3_600_000);
  expect(await rowsOf(created.sessionId)).toEqual([
    expect.objectContaining({ connectionId: created.connectionId, role: "speaker" }),
  ]);
  await speaker.leave();
});

test("rule 2: a listener joins without a token, gets a welcome and is counted", async () => {
  const speaker = await stage.create({ sourceLanguage: "de" });
  const listener = await stage.connect({
    action: "joinSession",
    sessionId: speaker.sessionId,
    targetLanguage: "fr",
  });
  const joined = await listener.next("sessionJoined");
  expect(joined).toMatchObject({ sessionId: speaker.sessionId, targetLanguage: "fr", sourceLanguage: "de" });
  expect((await sessionOf(speaker.sessionId))?.listenerCount).toBe(1);
  const row = (await rowsOf(speaker.sessionId)).find(({ role }) => role === "listener");
  expect(row).toMatchObject({ connectionId: joined.connectionId, targetLanguage: "fr" });
  expect(row?.ttl).toBe(Math.ceil((row?.connectedAt ?? 0) / 1000 + 3 * 3_600));
  await speaker.leave();
});

test("rule 4: a speaker who leaves ends the session: listeners get sessionEnded and are closed, and no row stays", async () => {
  const speaker = await stage.create();
  const listeners = await Promise.all(
    ["es", "fr", "de"].map((targetLanguage) => stage.join(speaker.sessionId, { targetLanguage })),
  );
  await speaker.leave();
  for (const listener of listeners) {
    expect(await listener.next("sessionEnded")).toMatchObject({
      sessionId: speaker.sessionId,
      reason: "speakerLeft",
    });
    expect(await listener.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
  }
  await stage.stack.idle();
  expect(await rowsOf(speaker.sessionId)).toEqual([]);
  expect(await sessionOf(speaker.sessionId)).toMatchObject({ isActive: false, listenerCount: 0 });
});

test("rule 4: endSession ends the session for everybody, the speaker included", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId);
  const ended = { sessionId: speaker.sessionId, reason: "ended" };
  expect(await speaker.ask({ action: "endSession" }, "sessionEnded")).toMatchObject(ended);
  expect(await listener.next("sessionEnded")).toMatchObject(ended);
  await Promise.all([speaker.closed, listener.closed]);
  await stage.stack.idle();
  expect(await rowsOf(speaker.sessionId)).toEqual([]);
});

test("rule 5: a listener who leaves is removed and counted down once", async () => {
  const speaker = await stage.create();
  const [first] = await Promise.all([stage.join(speaker.sessionId), stage.join(speaker.sessionId)]);
  await first?.leave();
  await stage.stack.idle();
  expect((await sessionOf(speaker.sessionId))?.listenerCount).toBe(1);
  expect(await rowsOf(speaker.sessionId)).toHaveLength(2);
  await speaker.leave();
});

test("rule 7: each mistake in a speaker's handshake has its status, and leaves no session", async () => {
  const before = await stage.sessions();
  const create = (query: Record<string, string>) =>
    statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", ...query }));
  const token = stage.token();
  const expired = stage.stack.token({ username: "alice", expiresIn: -10 });
  const forged = `${token.slice(0, -6)}AAAAAA`;
  expect(await create({})).toBe(401);
  expect(await create({ token: expired })).toBe(401);
  expect(await create({ token: forged })).toBe(401);
  expect(await create({ token: "nonsense" })).toBe(401);
  expect(await create({ token, sourceLanguage: "English" })).toBe(400);
  expect(await create({ token, sourceLanguage: "xx" })).toBe(400);
  expect(await create({ token, qualityTier: "gold" })).toBe(400);
  expect(await create({ token, action: "dance" })).toBe(400);
  expect(await statusOf(stage.connect({ token }))).toBe(400);
  expect(await statusOf(stage.connect({ action: "createSession", token }))).toBe(400);
  await stage.stack.idle();
  expect(await stage.sessions()).toHaveLength(before.length);
});

test("rule 8: each mistake in a listener's handshake has its status, and leaves no row", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const join = (query: Record<string, string>) =>
    statusOf(stage.connect({ action: "joinSession", sessionId, targetLanguage: "es", ...query }));
  expect(await join({ sessionId: "golden-eagle-427" })).toBe(404);
  expect(await join({ sessionId: "Golden Eagle" })).toBe(400);
  expect(await join({ targetLanguage: "Spanish" })).toBe(400);
  expect(await join({ targetLanguage: "xx" })).toBe(400);
  expect(await statusOf(stage.connect({ action: "joinSession", sessionId }))).toBe(400);
  expect(await rowsOf(sessionId)).toHaveLength(1);
  expect((await sessionOf(sessionId))?.listenerCount).toBe(0);
  await speaker.leave();
  await stage.stack.idle();
  expect(await join({})).toBe(404);
});

test("rule 12: a heartbeat is acknowledged, and the third in a burst is refused with retryAfter", async () => {
  const speaker = await stage.create();
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  const refused = await speaker.ask({ action: "heartbeat" }, "error");
  expect(refused).toMatchObject({ code: "RATE_LIMIT_EXCEEDED", status: 429, retryable: true });
  expect(refused.retryAfter).toBeGreaterThan(0);
  stage.stack.clock.advance((refused.retryAfter ?? 0) * 1000);
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.leave();
});

test("rule 15: an invalid frame is answered with an error, and the socket stays open", async () => {
  const speaker = await stage.create();
  for (const frame of ["hello", "[]", "5", '{"action":"fly"}', '{"action":7}', "{}", '{"message":"hi"}']) {
    expect(await speaker.ask(frame, "error")).toMatchObject({ code: "INVALID_ACTION", status: 400 });
  }
  expect(await speaker.ask({ action: "refreshConnection" }, "error")).toMatchObject({
    code: "INVALID_PARAMETERS",
    details: { parameter: "sessionId" },
  });
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.leave();
});

test("rule 16: a repeated connect or disconnect for one connection changes nothing more", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const connectionId = "RepeatedRepeat0=";
  const now = stage.stack.clock.now();
  const requestContext = {
    connectionId,
    connectedAt: now,
    requestTimeEpoch: now,
    requestId: "r",
    routeKey: "$connect",
    identity: { sourceIp: "192.0.2.7" },
  };
  const event = {
    requestContext,
    queryStringParameters: { action: "joinSession", sessionId, targetLanguage: "es" },
  };
  const answers = [
    await stage.stack.invoke("session-connection-handler-local", event),
    await stage.stack.invoke("session-connection-handler-local", event),
  ];
  expect(answers).toEqual([
    { kind: "returned", payload: { statusCode: 200 } },
    { kind: "returned", payload: { statusCode: 200 } },
  ]);
  expect((await sessionOf(sessionId))?.listenerCount).toBe(1);
  for (let repeat = 0; repeat < 2; repeat += 1) {
    await stage.stack.invoke("session-disconnect-handler-local", {
      requestContext: { ...requestContext, routeKey: "$disconnect", disconnectStatusCode: 1005 },
    });
  }
  expect((await sessionOf(sessionId))?.listenerCount).toBe(0);
  expect(await rowsOf(sessionId)).toHaveLength(1);
  await speaker.leave();
});

test("rule 19: only the session's speaker may ask for its status or end it", async () => {
  const speaker = await stage.create();
  const listener = await stage.join(speaker.sessionId, { targetLanguage: "ja" });
  expect(await listener.ask({ action: "getSessionStatus" }, "error")).toMatchObject({ code: "FORBIDDEN" });
  expect(await listener.ask({ action: "endSession" }, "error")).toMatchObject({ code: "FORBIDDEN" });
  const other = await stage.create({}, { user: "mallory" });
  const elsewhere = { action: "refreshConnection", sessionId: speaker.sessionId };
  expect(await other.ask(elsewhere, "error")).toMatchObject({ code: "FORBIDDEN" });
  expect(await speaker.ask({ action: "getSessionStatus" }, "sessionStatus")).toMatchObject({
    sessionId: speaker.sessionId,
    isActive: true,
    listenerCount: 1,
    languageDistribution: { ja: 1 },
  });
  await Promise.all([speaker.leave(), other.leave()]);
});

test("rule 19: a bad token is refused even for a listener, who needs none; a good one changes nothing", async () => {
  const speaker = await stage.create();
  const { sessionId } = speaker;
  const join = { action: "joinSession", sessionId, targetLanguage: "es" };
  expect(await statusOf(stage.connect({ ...join, token: "nonsense" }))).toBe(401);
  const listener = await stage.connect({ ...join, token: stage.token("bob") });
  await listener.next("sessionJoined");
  await speaker.leave();
});

test("rule 19: a verified speaker's id is in the logs of every event as a hash, and never as it is", async () => {
  logged.length = 0;
  const speaker = await stage.create();
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  const userId = (await sessionOf(speaker.sessionId))?.speakerUserId ?? "";
  await speaker.leave();
  await stage.stack.idle();
  const user = hashId(userId);
  for (const operation of ["authorize", "connect", "heartbeat", "disconnect"]) {
    expect(logged.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ operation, user }),
    );
  }
  expect(userId.length).toBeGreaterThan(10);
  expect(logged.join("\n")).not.toContain(userId);
});

test("rule 19: the pool's ID and access tokens are valid; those of another client or pool are not", async () => {
  const issuer = await loadIssuer(root);
  const userPoolId = String(stage.stack.outputs.UserPoolId);
  const clientId = String(stage.stack.outputs.UserPoolClientId);
  const create = (client: { userPoolId: string; clientId: string }, use: "id" | "access") => {
    const token = issuer.token(client, { username: "alice", use, now: stage.stack.clock.now() });
    return statusOf(stage.connect({ action: "createSession", sourceLanguage: "en", token }));
  };
  for (const use of ["id", "access"] as const) {
    expect(await create({ userPoolId, clientId }, use)).toBe(101);
    expect(await create({ userPoolId, clientId: "anotherclient" }, use)).toBe(401);
    expect(await create({ userPoolId: "us-east-1_Another01", clientId }, use)).toBe(401);
  }
});

test("a token may be sent as a subprotocol, and the handshake echoes lectern.v1", async () => {
  const speaker = await stage.connect(
    { action: "createSession", sourceLanguage: "en" },
    { protocols: ["lectern.v1", `bearer.${stage.token()}`] },
  );
  expect(speaker.socket.protocol).toBe("lectern.v1");
  await speaker.next("sessionCreated");
  await speaker.leave();
});

test("with errors=frame a refused socket opens, gets one error frame, and is closed", async () => {
  const unreadable = { action: "joinSession", sessionId: "golden-eagle-427", targetLanguage: "es" };
  const refused = await stage.connect({ ...unreadable, errors: "frame" });
  expect(await refused.next("error")).toMatchObject({
    code: "SESSION_NOT_FOUND",
    status: 404,
    retryable: false,
    details: { sessionId: "golden-eagle-427" },
  });
  expect((await refused.closed).code).toBe(1000);
  const badToken = await stage.connect({
    action: "createSession",
    sourceLanguage: "en",
    token: stage.stack.token({ username: "alice", expiresIn: -10 }),
    errors: "frame",
  });
  expect(await badToken.next("error")).toMatchObject({ code: "TOKEN_EXPIRED", message: "Token expired" });
  await badToken.closed;
  await stage.stack.idle();
  expect((await stage.connections()).filter(({ role }) => role === "refused")).toEqual([]);
});
