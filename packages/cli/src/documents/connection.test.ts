import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { exampleFolder } from "./example.js";

// The client of the client guide, against a server that does what each test says. Sockets are real; timers and the
// clock move only as a test says.

interface Frame {
  readonly type?: string;
  readonly [field: string]: unknown;
}

interface Connection {
  send(frame: object): void;
  leave(): void;
}

interface Options {
  readonly url?: string | null;
  readonly query?: Record<string, string>;
  readonly token?: () => string | undefined | Promise<string | undefined>;
  readonly onFrame?: (frame: Frame) => void;
}

const root = path.resolve(import.meta.dirname, "../../../..");
const { stayConnected } = await import(path.join(root, exampleFolder, "connection.mjs"));

const heartbeatMs = 30_000;
const welcomeMs = 5_000;
const sessionId = "golden-eagle-427";
const joining = { action: "joinSession", sessionId, targetLanguage: "es" };
const creating = { action: "createSession", sourceLanguage: "en" };
const takingOver = { action: "refreshConnection", role: "speaker", sessionId, errors: "frame" };
const joined = { type: "sessionJoined", sessionId, targetLanguage: "es", sourceLanguage: "en" };
const created = { type: "sessionCreated", sessionId, sourceLanguage: "en" };
const refreshed = { type: "connectionRefreshComplete", sessionId };
const ended = {
  type: "sessionEnded",
  sessionId,
  reason: "ended",
  message: "The speaker has ended the session",
};
const required = { type: "connectionRefreshRequired", sessionId, role: "speaker", ticket: "first" };
const requiredOfListener = { ...required, role: "listener", targetLanguage: "es" };
const replaced = refusal("FORBIDDEN", { details: { reason: "replaced" } });
const gatewayError = { message: "Internal server error", connectionId: "L0SM9cOFvHcCIhw=" };

function refusal(code: string, fields: object = {}) {
  return { type: "error", code, message: `Because of ${code}`, retryable: false, ...fields };
}

/** What has come and has not been taken, and who waits for it. */
const queue = <Item>() => {
  const items: Item[] = [];
  const takers: ((item: Item) => void)[] = [];
  return {
    items,
    push: (item: Item) => {
      const take = takers.shift();
      if (take) take(item);
      else items.push(item);
    },
    next: (): Promise<Item> =>
      new Promise((resolve) => {
        const item = items.shift();
        if (item === undefined) takers.push(resolve);
        else resolve(item);
      }),
  };
};

/** The server's end of a connection. */
const peer = (socket: WebSocket, { url = "", headers }: IncomingMessage) => {
  const frames = queue<Frame>();
  socket.on("message", (data) => frames.push(JSON.parse(String(data))));
  return {
    query: Object.fromEntries(new URL(url, "ws://localhost").searchParams),
    protocols: headers["sec-websocket-protocol"],
    frames,
    send: (frame: unknown) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    close: (code: number) => socket.close(code),
    cut: () => socket.terminate(),
    closed: once(socket, "close").then(([code]): number => code),
  };
};

const serve = async () => {
  const peers = queue<ReturnType<typeof peer>>();
  const handshakes = queue<(isLetIn: boolean) => void>();
  const held = { yes: false };
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    handleProtocols: (offered) => (offered.has("lectern.v1") ? "lectern.v1" : false),
    verifyClient: (_info, answer) => {
      if (held.yes) handshakes.push((isLetIn) => answer(isLetIn, 503));
      else answer(true);
    },
  });
  server.on("connection", (socket, request) => peers.push(peer(socket, request)));
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return {
    url: `ws://127.0.0.1:${address.port}/prod`,
    next: peers.next,
    /** From now on a handshake is answered only when a test says so. */
    hold: () => {
      held.yes = true;
    },
    handshake: handshakes.next,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
};

let server: Awaited<ReturnType<typeof serve>>;
/** Every socket that the client has made, in order. */
let sockets: WebSocket[];

beforeEach(async () => {
  server = await serve();
  sockets = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "Date"] });
  // The longest wait that may be.
  vi.spyOn(Math, "random").mockReturnValue(1);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  server.close();
});

class Recorded extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    sockets.push(this);
  }
}

/** When the client's end of a connection has closed. */
const closeOf = (socket: WebSocket | undefined) =>
  new Promise<void>((resolve) => {
    socket?.once("close", () => resolve());
  });

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A client, and all that it says. */
const start = ({ url = server.url, query = joining, ...rest }: Options = {}) => {
  const frames = queue<Frame>();
  const losses = queue<{ why: string; waitMs: number }>();
  const ends = queue<Frame>();
  const connection: Connection = stayConnected({
    WebSocket: Recorded,
    url,
    query,
    heartbeatMs,
    onFrame: frames.push,
    onLost: (why: string, waitMs: number) => losses.push({ why, waitMs }),
    onOver: ends.push,
    ...rest,
  });
  onTestFinished(connection.leave);
  return { ...connection, frames, losses, ends };
};

/** A client that has been welcomed, with the server's end of its connection. */
const enter = async (options: Options = {}, welcome: Frame = joined) => {
  const client = start(options);
  const first = await server.next();
  first.send(welcome);
  expect(await client.frames.next()).toEqual(welcome);
  return { client, first };
};

const listen = () => enter();
const speak = () => enter({ query: creating, token: () => "a.b.c" }, created);

/** Everything that the peer has sent before has arrived. */
const arrived = async (client: ReturnType<typeof start>, at: { send(frame: unknown): void }) => {
  at.send({ type: "marker" });
  while ((await client.frames.next()).type !== "marker");
  // And what the client does then, asking for a token say, is done.
  await pass(0);
};

/** A speaker whose refresh is on its way, with the server's ends of both connections. */
const refreshing = async (frame: Frame = required) => {
  const { client, first } = await speak();
  first.send(frame);
  const second = await server.next();
  await client.frames.next();
  return { client, first, second };
};

describe("to connect", () => {
  test("it asks for refusals as frames, without a subprotocol where there is no token", async () => {
    const { first } = await listen();
    expect(first.query).toEqual({ ...joining, errors: "frame" });
    expect(first.protocols).toBe(undefined);
  });

  test("the token travels as a subprotocol", async () => {
    const { first } = await speak();
    expect(first.query).toEqual({ ...creating, errors: "frame" });
    expect(first.protocols).toBe("lectern.v1,bearer.a.b.c");
  });

  test("an open socket without a welcome after 5 s is given up", async () => {
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

  test("a handshake that is not answered within 5 s is given up", async () => {
    server.hold();
    const client = start();
    const answer = await server.handshake();
    await pass(welcomeMs);
    expect(await client.losses.next()).toEqual({ why: "no welcome", waitMs: 1_000 });
    answer(true);
  });

  test("the status of a refused handshake is named", async () => {
    server.hold();
    const client = start();
    (await server.handshake())(false);
    expect((await client.losses.next()).why).toBe("Unexpected server response: 503");
  });

  test("a wait for the welcome ends with it", async () => {
    const { client, first } = await listen();
    await pass(welcomeMs);
    await arrived(client, first);
    expect(client.losses.items).toEqual([]);
  });

  test("a URL that is none, or no WebSocket, is thrown at once", () => {
    expect(() => start({ url: null })).toThrow("Invalid URL");
    vi.stubGlobal("WebSocket", undefined);
    const callbacks = { onFrame: vi.fn(), onLost: vi.fn(), onOver: vi.fn() };
    expect(() => stayConnected({ url: server.url, query: joining, ...callbacks })).toThrow(
      "There is no WebSocket",
    );
  });
});

describe("a token", () => {
  test("that cannot be sent ends it: trying again would not help", async () => {
    const client = start({ query: creating, token: () => " a.b.c" });
    expect(await client.ends.next()).toMatchObject({
      code: "INVALID_PARAMETERS",
      message: expect.stringContaining("subprotocol"),
    });
    await pass(60_000);
    expect(client.losses.items).toEqual([]);
  });

  test("that is undefined ends it: nobody is signed in", async () => {
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
  ])("that %s is asked for again", async (_, first: () => Promise<string>, why) => {
    const token = vi
      .fn<() => string | Promise<string>>()
      .mockReturnValue("a.b.c")
      .mockImplementationOnce(first);
    const client = start({ query: creating, token });
    expect(await client.losses.next()).toEqual({ why, waitMs: 1_000 });
    await pass(1_000);
    expect((await server.next()).protocols).toBe("lectern.v1,bearer.a.b.c");
  });

  test("that does not come within 5 s is asked for again, and what comes too late opens nothing", async () => {
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

  test("that has expired is replaced once, and once more after a welcome", async () => {
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

  test("that has expired, and for which there can be no other, ends it", async () => {
    const client = start({ query: { ...creating, token: "a.b.c" } });
    (await server.next()).send(refusal("TOKEN_EXPIRED"));
    expect(await client.ends.next()).toEqual(refusal("TOKEN_EXPIRED"));
  });

  test("of a listener does not make a speaker of it", async () => {
    const { client, first } = await enter({ token: () => "a.b.c" });
    first.close(1001);
    await client.losses.next();
    await pass(1_000);
    expect((await server.next()).query).toEqual({ ...joining, errors: "frame" });
  });
});

describe("a refusal to let it in", () => {
  test("that is for good ends it, and is told once", async () => {
    const client = start();
    const first = await server.next();
    first.send(refusal("SESSION_NOT_FOUND"));
    expect(await client.ends.next()).toEqual(refusal("SESSION_NOT_FOUND"));
    await pass(60_000);
    expect([client.frames.items, client.losses.items, sockets.length]).toEqual([[], [], 1]);
  });

  test("that is not says why, and is tried again", async () => {
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

  test("is tried again only after `retryAfter`, whatever the network says", async () => {
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

  test("because the session is not there means, after a welcome, that it has ended", async () => {
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

describe("heartbeats", () => {
  test("go out every 30 s, and any frame answers them", async () => {
    const { client, first } = await listen();
    for (const answer of [{ type: "heartbeatAck" }, gatewayError, { type: "new" }]) {
      await pass(heartbeatMs - 1);
      expect(first.frames.items).toEqual([]);
      await pass(1);
      expect(await first.frames.next()).toEqual({ action: "heartbeat" });
      first.send(answer);
      expect(await client.frames.next()).toEqual(answer);
    }
    expect(client.losses.items).toEqual([]);
  });

  test("without an answer when the next is due mean that the connection is dead", async () => {
    const { client, first } = await listen();
    await pass(heartbeatMs);
    await first.frames.next();
    await pass(heartbeatMs - 1);
    expect(client.losses.items).toEqual([]);
    await pass(1);
    expect(await client.losses.next()).toEqual({ why: "no answer", waitMs: 1_000 });
    // It means to come back.
    expect(await first.closed).toBe(4000);
    await pass(1_000);
    expect((await server.next()).query).toEqual({ ...joining, errors: "frame" });
  });
});

describe("when the connection is lost", () => {
  /** The waits after so many failures in a row. */
  const waitsOf = async (client: ReturnType<typeof start>, count: number) => {
    const waits: number[] = [];
    for (let failed = 0; failed < count; failed += 1) {
      const { waitMs } = await client.losses.next();
      waits.push(waitMs);
      await pass(waitMs);
      (await server.next()).cut();
    }
    return waits;
  };

  test("waits double up to half a minute", async () => {
    const { client, first } = await listen();
    first.cut();
    expect(await waitsOf(client, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test("a speaker takes its session over, and never waits for more than 5 s", async () => {
    const { client, first } = await speak();
    first.cut();
    expect(await waitsOf(client, 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    await client.losses.next();
    await pass(5_000);
    const back = await server.next();
    expect(back.query).toEqual(takingOver);
    back.send(refreshed);
    expect(await client.frames.next()).toEqual(refreshed);
  });

  test("a speaker without a session waits as long as anybody", async () => {
    const client = start({ query: creating, token: () => "a.b.c" });
    (await server.next()).cut();
    expect(await waitsOf(client, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  test("a speaker who has reloaded its page says which session it had", async () => {
    const { errors: _, ...query } = takingOver;
    const { client, first } = await enter({ query, token: () => "a.b.c" }, refreshed);
    expect(first.query).toEqual(takingOver);
    first.cut();
    expect(await waitsOf(client, 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test("waits are random", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.25);
    const { client, first } = await listen();
    first.cut();
    expect((await client.losses.next()).waitMs).toBe(250);
  });

  test.each([
    ["has lived for more than a minute", 60_001, 1_000],
    ["has not", 60_000, 4_000],
  ])("a connection that %s: the next wait", async (_, livedMs, waitMs) => {
    const client = start();
    (await server.next()).cut();
    await waitsOf(client, 1);
    await client.losses.next();
    await pass(2_000);
    const third = await server.next();
    third.send(joined);
    await client.frames.next();
    for (let beat = 0; beat < 2; beat += 1) {
      await pass(heartbeatMs);
      await third.frames.next();
      third.send({ type: "heartbeatAck" });
      await client.frames.next();
    }
    await pass(livedMs - 60_000);
    third.cut();
    expect((await client.losses.next()).waitMs).toBe(waitMs);
  });

  test("it comes back at once when the browser is online again", async () => {
    const online = new EventTarget();
    const remove = vi.fn(online.removeEventListener.bind(online));
    vi.stubGlobal("addEventListener", online.addEventListener.bind(online));
    vi.stubGlobal("removeEventListener", remove);
    const { client, first } = await speak();
    online.dispatchEvent(new Event("online"));
    expect(sockets).toHaveLength(1);
    first.cut();
    await client.losses.next();
    online.dispatchEvent(new Event("online"));
    const back = await server.next();
    // Nothing is left of the wait that it cut short.
    await pass(1_000);
    expect(sockets).toHaveLength(2);
    back.send(ended);
    await client.ends.next();
    expect(remove).toHaveBeenCalledWith("online", expect.any(Function));
  });
});

describe("a refresh", () => {
  test("opens a second connection with the ticket, and the place is there when that is welcomed", async () => {
    const { client, first, second } = await refreshing();
    expect(second.query).toEqual({ ...takingOver, ticket: "first" });
    second.send(refreshed);
    expect(await client.frames.next()).toEqual(refreshed);
    client.send({ action: "getSessionStatus" });
    expect(await second.frames.next()).toEqual({ action: "getSessionStatus" });
    // Both are read meanwhile; the old one beats no more, and its close by the server means nothing.
    first.send({ type: "sessionStatus" });
    expect(await client.frames.next()).toEqual({ type: "sessionStatus" });
    await pass(heartbeatMs);
    expect(await second.frames.next()).toEqual({ action: "heartbeat" });
    second.send({ type: "heartbeatAck" });
    await client.frames.next();
    expect(first.frames.items).toEqual([]);
    first.close(1000);
    expect(await first.closed).toBe(1000);
    await pass(20_000);
    expect(sockets).toHaveLength(2);
  });

  test("of a listener names its language", async () => {
    const { first } = await listen();
    first.send(requiredOfListener);
    expect((await server.next()).query).toEqual({
      ...takingOver,
      role: "listener",
      targetLanguage: "es",
      ticket: "first",
    });
  });

  test("that was an ordinary join leaves the old seat", async () => {
    const { first } = await listen();
    first.send(requiredOfListener);
    (await server.next()).send(joined);
    expect(await first.closed).toBe(1000);
  });

  test("holds back what is sent while the place changes hands", async () => {
    const { client, first, second } = await refreshing();
    client.send({ action: "endSession" });
    await pass(0);
    second.send({ type: "speakerReconnected" });
    await client.frames.next();
    second.send(refreshed);
    expect(await second.frames.next()).toEqual({ action: "endSession" });
    expect(first.frames.items).toEqual([]);
  });

  test("that fails is not told: the old connection goes on, and gets what was held back", async () => {
    const { client, first, second } = await refreshing();
    client.send({ action: "getSessionStatus" });
    second.send(refusal("SESSION_FULL", { retryable: true }));
    expect(await first.frames.next()).toEqual({ action: "getSessionStatus" });
    // While it waits, nothing is held back.
    client.send({ action: "endSession" });
    expect(await first.frames.next()).toEqual({ action: "endSession" });
    expect([client.frames.items, client.losses.items]).toEqual([[], []]);
  });

  test("that fails is tried again after waits that double up to two minutes", async () => {
    const { client, first, second } = await refreshing();
    let attempt = second;
    for (const waitMs of [5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000]) {
      const count = sockets.length;
      attempt.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
      await attempt.closed;
      for (let passed = 0; passed < waitMs - 1; ) {
        const step = Math.min(heartbeatMs / 2, waitMs - 1 - passed);
        await pass(step);
        passed += step;
        first.send({ type: "heartbeatAck" });
        await client.frames.next();
      }
      expect(sockets).toHaveLength(count);
      await pass(1);
      attempt = await server.next();
    }
    expect(client.losses.items).toEqual([]);
  });

  test("that fails is tried again with the newest ticket at the newest address, and not before", async () => {
    const elsewhere = await serve();
    onTestFinished(elsewhere.close);
    const { client, first, second } = await refreshing();
    // Neither while it is on its way, nor while it waits.
    first.send({ ...required, ticket: "second" });
    await arrived(client, first);
    second.send(refusal("RATE_LIMIT_EXCEEDED", { retryable: true, retryAfter: 2 }));
    await second.closed;
    first.send({ ...required, ticket: "third", url: elsewhere.url });
    await arrived(client, first);
    expect(sockets).toHaveLength(2);
    await pass(6_999);
    expect(sockets).toHaveLength(2);
    await pass(1);
    expect((await elsewhere.next()).query).toEqual({ ...takingOver, ticket: "third" });
  });

  test("that waits goes on waiting when the browser is online again: it has time", async () => {
    const online = new EventTarget();
    vi.stubGlobal("addEventListener", online.addEventListener.bind(online));
    const { second } = await refreshing();
    second.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await second.closed;
    online.dispatchEvent(new Event("online"));
    await pass(4_999);
    expect(sockets).toHaveLength(2);
    await pass(1);
    expect((await server.next()).query.ticket).toBe("first");
  });

  test("that is refused for good is left at that, until it is asked for again", async () => {
    const { client, first, second } = await refreshing();
    second.send(refusal("FORBIDDEN"));
    await second.closed;
    await pass(20_000);
    expect(sockets).toHaveLength(2);
    first.send({ ...required, ticket: "second" });
    expect((await server.next()).query.ticket).toBe("second");
    expect([client.losses.items, client.ends.items]).toEqual([[], []]);
  });

  test("begins with short waits again when it is asked for anew", async () => {
    const { first, second } = await refreshing();
    second.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await second.closed;
    await pass(5_000);
    const third = await server.next();
    third.send(refusal("FORBIDDEN"));
    await third.closed;
    first.send(required);
    const fourth = await server.next();
    fourth.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await fourth.closed;
    await pass(5_000);
    expect(sockets).toHaveLength(5);
  });

  test("with a fresh token, where the first has expired", async () => {
    const { second } = await refreshing();
    second.send(refusal("TOKEN_EXPIRED"));
    await second.closed;
    await pass(5_000);
    const third = await server.next();
    third.send(refusal("TOKEN_EXPIRED"));
    await third.closed;
    await pass(20_000);
    expect(sockets).toHaveLength(3);
  });

  test("comes through though the old connection is lost meanwhile: nothing is lost", async () => {
    const { client, first, second } = await refreshing();
    first.cut();
    await first.closed;
    client.send({ action: "getSessionStatus" });
    second.send(refreshed);
    expect(await second.frames.next()).toEqual({ action: "getSessionStatus" });
    expect(client.losses.items).toEqual([]);
    expect(sockets).toHaveLength(2);
  });

  test.each([
    ["fails", refusal("SERVICE_UNAVAILABLE", { retryable: true })],
    ["is refused for good", refusal("FORBIDDEN")],
  ])("that %s after the old connection was lost: it comes back to the old address", async (_, frame) => {
    const elsewhere = await serve();
    onTestFinished(elsewhere.close);
    const { client, first } = await speak();
    first.send({ ...required, url: elsewhere.url });
    const second = await elsewhere.next();
    const isLost = closeOf(sockets[0]);
    first.cut();
    await isLost;
    expect(client.losses.items).toEqual([]);
    second.send(frame);
    expect((await client.losses.next()).waitMs).toBe(1_000);
    await pass(1_000);
    expect((await server.next()).query).toEqual(takingOver);
    expect(client.ends.items).toEqual([]);
  });

  test("that waits is moot when the old connection is lost: it comes back soon, to the old address", async () => {
    const elsewhere = await serve();
    onTestFinished(elsewhere.close);
    const { client, first } = await speak();
    first.send({ ...required, url: elsewhere.url });
    const second = await elsewhere.next();
    second.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await second.closed;
    first.cut();
    expect((await client.losses.next()).waitMs).toBe(1_000);
    await pass(1_000);
    expect((await server.next()).query).toEqual(takingOver);
    await pass(welcomeMs - 1);
    expect(sockets).toHaveLength(3);
  });

  test("to another address: it stays there", async () => {
    const elsewhere = await serve();
    onTestFinished(elsewhere.close);
    const { client, first } = await speak();
    first.send({ ...required, url: elsewhere.url });
    const second = await elsewhere.next();
    second.send(refreshed);
    await client.frames.next();
    await client.frames.next();
    second.cut();
    await client.losses.next();
    await pass(1_000);
    expect((await elsewhere.next()).query).toEqual(takingOver);
  });

  test("is not asked of a connection that has been replaced", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    first.send(required);
    await arrived(client, first);
    expect(sockets).toHaveLength(2);
  });

  test("the late close of a replaced connection starts nothing, while it comes back for another reason", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    second.cut();
    await client.losses.next();
    await pass(1_000);
    const third = await server.next();
    const isClosed = closeOf(sockets[0]);
    first.close(1000);
    await isClosed;
    third.send(refreshed);
    await client.frames.next();
    await pass(20_000);
    expect(client.losses.items).toEqual([]);
    expect(sockets).toHaveLength(3);
  });
});

describe("when somebody else has taken the session over", () => {
  test("it stops for good", async () => {
    const { client, first } = await speak();
    first.send(replaced);
    first.close(1000);
    expect(await client.ends.next()).toEqual(replaced);
    await first.closed;
    await pass(60_000);
    expect([client.losses.items, client.frames.items, sockets.length]).toEqual([[], [], 1]);
  });

  test("that may be its own refresh, whose ticket was no longer good", async () => {
    const { client, first, second } = await refreshing();
    first.send(replaced);
    first.close(1000);
    await first.closed;
    second.send(refreshed);
    expect(await client.frames.next()).toEqual(refreshed);
    expect([client.losses.items, client.ends.items]).toEqual([[], []]);
  });

  test("and that it hears after its own welcome too", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    first.send(replaced);
    await arrived(client, first);
    expect(client.ends.items).toEqual([]);
  });

  test("it stops also while a refresh waits", async () => {
    const { client, first, second } = await refreshing();
    second.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await second.closed;
    first.send(replaced);
    expect(await client.ends.next()).toEqual(replaced);
    await pass(5_000);
    expect(sockets).toHaveLength(2);
  });

  test("another FORBIDDEN is the answer to a frame", async () => {
    const { client, first } = await speak();
    first.send(refusal("FORBIDDEN"));
    expect(await client.frames.next()).toEqual(refusal("FORBIDDEN"));
    await arrived(client, first);
    expect(client.ends.items).toEqual([]);
  });
});

describe("at the end of the session", () => {
  test("it is told, closes its connection and comes back no more", async () => {
    const { client, first } = await listen();
    first.send(ended);
    expect([await client.frames.next(), await client.ends.next()]).toEqual([ended, ended]);
    expect(await first.closed).toBe(1000);
    await pass(60_000);
    expect([client.losses.items, sockets.length]).toEqual([[], 1]);
  });

  test("that is the first frame, too", async () => {
    const client = start();
    (await server.next()).send(ended);
    expect(await client.ends.next()).toEqual(ended);
    await pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  test("a refresh on its way is given up", async () => {
    const { client, first, second } = await refreshing();
    first.send(ended);
    expect(await client.ends.next()).toEqual(ended);
    expect(await second.closed).toBe(1000);
    expect(await first.closed).toBe(1000);
  });
});

describe("to leave", () => {
  test("closes with 1000, and nothing is said any more", async () => {
    const { client, first } = await speak();
    const closed = closeOf(sockets[0]);
    client.leave();
    first.send({ type: "late" });
    expect(await first.closed).toBe(1000);
    await closed;
    expect(vi.getTimerCount()).toBe(0);
    client.send({ action: "endSession" });
    await pass(60_000);
    expect([client.frames.items, client.losses.items, client.ends.items]).toEqual([[], [], []]);
    expect(sockets).toHaveLength(1);
  });

  test("closes both connections of a refresh with 1000, though the second is not open yet", async () => {
    const { client, first } = await speak();
    server.hold();
    first.send(required);
    const answer = await server.handshake();
    client.leave();
    expect(await first.closed).toBe(1000);
    answer(true);
    expect(await (await server.next()).closed).toBe(1000);
  });

  test("gives up a handshake that is not answered within 5 s", async () => {
    server.hold();
    const client = start();
    const answer = await server.handshake();
    client.leave();
    const closed = closeOf(sockets[0]);
    await pass(welcomeMs);
    await closed;
    expect(client.losses.items).toEqual([]);
    answer(true);
  });

  test("leaves no timer when the handshake has been refused", async () => {
    server.hold();
    const client = start();
    const answer = await server.handshake();
    client.leave();
    const closed = closeOf(sockets[0]);
    answer(false);
    await closed;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("opens nothing after a token that comes late, nor after a wait", async () => {
    let bring = (_token: string) => {};
    const late = new Promise<string>((resolve) => {
      bring = resolve;
    });
    const waiting = start({ query: creating, token: () => late });
    waiting.leave();
    bring("a.b.c");
    const { client, first } = await listen();
    first.cut();
    await client.losses.next();
    client.leave();
    await pass(60_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("frames", () => {
  test("of every type go to the application, API Gateway's own and those before the welcome too", async () => {
    const client = start();
    const first = await server.next();
    const sent = [{ type: "speakerReconnecting", sessionId }, joined, { type: "new" }, gatewayError];
    for (const frame of sent) {
      first.send(frame);
      expect(await client.frames.next()).toEqual(frame);
    }
    expect(client.losses.items).toEqual([]);
  });

  test("that are none are ignored", async () => {
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

  test("that the application fails on stop nothing", async () => {
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
