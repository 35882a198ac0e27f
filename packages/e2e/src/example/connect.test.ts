import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  arrived,
  comingBack,
  created,
  creating,
  ended,
  enter,
  type Frame,
  gatewayError,
  heartbeatMs,
  joined,
  joining,
  listen,
  pass,
  queue,
  refusal,
  requiredOfListener,
  server,
  sessionId,
  sockets,
  speak,
  start,
  stayConnected,
  useServer,
  welcomeMs,
} from "./testing.js";

useServer();

describe("connecting", () => {
  test("asks for refusals as frames; offers no subprotocol without a token", async () => {
    const { first } = await listen();
    expect(first.query).toEqual({ ...joining, errors: "frame" });
    expect(first.protocols).toBe(undefined);
  });

  test("sends the token as a subprotocol", async () => {
    const { first } = await speak();
    expect(first.query).toEqual({ ...creating, errors: "frame" });
    expect(first.protocols).toBe("lectern.v1,bearer.a.b.c");
  });

  test("gives up an open socket without a welcome after 5 s", async () => {
    const client = start();
    const first = await server.next();
    await pass(welcomeMs - 1);
    expect(client.losses.items).toEqual([]);
    await pass(1);
    expect(await client.losses.next()).toEqual({ why: "no welcome", waitMs: 1_000 });
    expect(await first.closed).toBe(4000);
    await pass(1_000);
    await server.next();
  });

  test("gives up a handshake that is not answered within 5 s", async () => {
    server.hold();
    const client = start();
    const answer = await server.handshake();
    await pass(welcomeMs);
    expect(await client.losses.next()).toEqual({ why: "no welcome", waitMs: 1_000 });
    answer(true);
  });

  test("reports the status of a refused handshake", async () => {
    server.hold();
    const client = start();
    (await server.handshake())(false);
    expect((await client.losses.next()).why).toBe("Unexpected server response: 503");
  });

  test("stops waiting when the welcome has come", async () => {
    const { client, first } = await listen();
    await pass(welcomeMs);
    await arrived(client, first);
    expect(client.losses.items).toEqual([]);
  });

  test("throws at once for a malformed URL or a missing WebSocket", () => {
    expect(() => start({ url: null })).toThrow("Invalid URL");
    vi.stubGlobal("WebSocket", undefined);
    const callbacks = { onFrame: vi.fn(), onLost: vi.fn(), onOver: vi.fn() };
    expect(() => stayConnected({ url: server.url, query: joining, ...callbacks })).toThrow(
      "There is no WebSocket",
    );
  });
});

describe("a token", () => {
  test("that cannot be sent ends everything: a retry would not help", async () => {
    const client = start({ query: creating, token: () => " a.b.c" });
    expect(await client.ends.next()).toMatchObject({
      code: "INVALID_PARAMETERS",
      message: expect.stringContaining("subprotocol"),
    });
    await pass(60_000);
    expect(client.losses.items).toEqual([]);
  });

  test("that is undefined ends everything: nobody is signed in", async () => {
    const client = start({ query: creating, token: () => undefined });
    expect(await client.ends.next()).toEqual(refusal("UNAUTHORIZED", { message: "Nobody is signed in" }));
    expect(sockets).toEqual([]);
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("offline")), "offline"],
    ["rejects with no error", () => Promise.reject("offline"), "offline"],
    [
      "throws",
      () => {
        throw new Error("offline");
      },
      "offline",
    ],
  ])("that %s is requested again", async (_, first: () => Promise<string>, why) => {
    const token = vi
      .fn<() => string | Promise<string>>()
      .mockReturnValue("a.b.c")
      .mockImplementationOnce(first);
    const client = start({ query: creating, token });
    expect(await client.losses.next()).toEqual({ why, waitMs: 1_000 });
    await pass(1_000);
    expect((await server.next()).protocols).toBe("lectern.v1,bearer.a.b.c");
  });

  test("that does not come within 5 s is requested again; a late one opens nothing", async () => {
    let bring = (_token: string) => {};
    const late = new Promise<string>((resolve) => {
      bring = resolve;
    });
    const token = vi.fn<() => string | Promise<string>>().mockReturnValueOnce(late).mockReturnValue("a.b.c");
    const client = start({ query: creating, token });
    await pass(welcomeMs);
    expect(await client.losses.next()).toEqual({ why: "no token", waitMs: 1_000 });
    bring("late");
    await pass(1_000);
    expect((await server.next()).protocols).toBe("lectern.v1,bearer.a.b.c");
    expect(sockets).toHaveLength(1);
  });

  test("that has expired is renewed once, and once more after a welcome", async () => {
    const token = vi.fn(() => `a.b.${token.mock.calls.length}`);
    const client = start({ query: creating, token });
    (await server.next()).send(refusal("TOKEN_EXPIRED"));
    expect((await client.losses.next()).why).toBe("TOKEN_EXPIRED: Because of TOKEN_EXPIRED");
    await pass(1_000);
    const second = await server.next();
    expect(second.protocols).toBe("lectern.v1,bearer.a.b.2");
    second.send(created);
    await client.frames.next();
    second.close(1001);
    await client.losses.next();
    await pass(5_000);
    (await server.next()).send(refusal("TOKEN_EXPIRED"));
    await client.losses.next();
    await pass(5_000);
    (await server.next()).send(refusal("TOKEN_EXPIRED"));
    expect(await client.ends.next()).toEqual(refusal("TOKEN_EXPIRED"));
    expect(client.losses.items).toEqual([]);
  });

  test("that has expired ends everything if there is no way to renew it", async () => {
    const client = start({ query: { ...creating, token: "a.b.c" } });
    (await server.next()).send(refusal("TOKEN_EXPIRED"));
    expect(await client.ends.next()).toEqual(refusal("TOKEN_EXPIRED"));
  });

  test("does not turn a listener into a speaker", async () => {
    const { client, first } = await enter({ token: () => "a.b.c" });
    first.close(1001);
    await client.losses.next();
    await pass(1_000);
    expect((await server.next()).query).toEqual({ ...comingBack, errors: "frame" });
  });
});

describe("a refused connection", () => {
  test("ends everything after a final refusal, and reports it once", async () => {
    const client = start();
    const first = await server.next();
    first.send(refusal("SESSION_NOT_FOUND"));
    expect(await client.ends.next()).toEqual(refusal("SESSION_NOT_FOUND"));
    await pass(60_000);
    expect([client.frames.items, client.losses.items, sockets.length]).toEqual([[], [], 1]);
  });

  test("reports a retryable refusal, and retries", async () => {
    const client = start();
    (await server.next()).send(refusal("SESSION_FULL", { retryable: true }));
    expect(await client.losses.next()).toEqual({
      why: "SESSION_FULL: Because of SESSION_FULL",
      waitMs: 1_000,
    });
    expect(client.frames.items).toEqual([]);
    await pass(1_000);
    await server.next();
  });

  test("retries only after `retryAfter`, also when the browser is online again", async () => {
    const online = new EventTarget();
    vi.stubGlobal("addEventListener", online.addEventListener.bind(online));
    const client = start();
    (await server.next()).send(refusal("RATE_LIMIT_EXCEEDED", { retryable: true, retryAfter: 7 }));
    expect((await client.losses.next()).waitMs).toBe(8_000);
    online.dispatchEvent(new Event("online"));
    await pass(7_999);
    expect(sockets).toHaveLength(1);
    await pass(1);
    await server.next();
  });

  test("means, for a missing session after a welcome, that the session has ended", async () => {
    const { client, first } = await listen();
    first.close(1001);
    await client.losses.next();
    await pass(1_000);
    (await server.next()).send(refusal("SESSION_NOT_FOUND"));
    expect(await client.ends.next()).toEqual({
      type: "sessionEnded",
      sessionId,
      message: "The session has ended",
    });
  });
});

describe("frames", () => {
  test("of every type reach the application, also API Gateway's own and those before the welcome", async () => {
    const client = start();
    const first = await server.next();
    const sent = [{ type: "speakerReconnecting", sessionId }, joined, { type: "new" }, gatewayError];
    for (const frame of sent) {
      first.send(frame);
      expect(await client.frames.next()).toEqual(frame);
    }
    expect(client.losses.items).toEqual([]);
  });

  test("that are not JSON objects are ignored", async () => {
    const { client, first } = await listen();
    for (const text of ["", "{", "null", "<html>"]) first.send(text);
    first.send({ type: "new" });
    expect(await client.frames.next()).toEqual({ type: "new" });
  });

  test("that are sent before the welcome wait for it", async () => {
    const client = start({ query: creating, token: () => "a.b.c" });
    client.send({ action: "getSessionStatus" });
    const first = await server.next();
    first.send(created);
    expect(await first.frames.next()).toEqual({ action: "getSessionStatus" });
  });

  test("go on when the application's callback throws", async () => {
    const uncaught = queue<Error>();
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught.push);
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    });
    const onFrame = ({ type }: Frame) => {
      throw new Error(`No ${type}`);
    };
    const client = start({ onFrame });
    const first = await server.next();
    first.send(joined);
    expect((await uncaught.next()).message).toBe("No sessionJoined");
    await pass(heartbeatMs);
    expect(await first.frames.next()).toEqual({ action: "heartbeat" });
    first.send(requiredOfListener);
    expect((await uncaught.next()).message).toBe("No connectionRefreshRequired");
    await server.next();
    first.send(ended);
    expect(await client.ends.next()).toEqual(ended);
    expect((await uncaught.next()).message).toBe("No sessionEnded");
  });
});
