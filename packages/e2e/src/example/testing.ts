import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, onTestFinished, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { root } from "../stage.js";

// The client guide's connection.mjs, against a server that each test directs. Sockets are real; timers and the clock
// move only when a test moves them.

export interface Frame {
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

export const { stayConnected } = await import(
  pathToFileURL(path.join(root, "docs/example/connection.mjs")).href
);

export const heartbeatMs = 30_000;
export const welcomeMs = 5_000;
export const sessionId = "golden-eagle-427";
export const joining = { action: "joinSession", sessionId, targetLanguage: "es" };
/** A lost listener comes back by its welcome's ticket. */
export const comingBack = {
  action: "refreshConnection",
  role: "listener",
  sessionId,
  targetLanguage: "es",
  ticket: "seat",
};
export const creating = { action: "createSession", sourceLanguage: "en" };
export const takingOver = { action: "refreshConnection", role: "speaker", sessionId, errors: "frame" };
export const joined = {
  type: "sessionJoined",
  sessionId,
  targetLanguage: "es",
  sourceLanguage: "en",
  ticket: "seat",
};
export const created = { type: "sessionCreated", sessionId, sourceLanguage: "en" };
export const refreshed = { type: "connectionRefreshComplete", sessionId };
export const ended = {
  type: "sessionEnded",
  sessionId,
  reason: "ended",
  message: "The speaker has ended the session",
};
export const required = { type: "connectionRefreshRequired", sessionId, role: "speaker", ticket: "first" };
export const requiredOfListener = { ...required, role: "listener", targetLanguage: "es" };
export const replaced = refusal("FORBIDDEN", { details: { reason: "replaced" } });
export const gatewayError = { message: "Internal server error", connectionId: "L0SM9cOFvHcCIhw=" };

export function refusal(code: string, fields: object = {}) {
  return { type: "error", code, message: `Because of ${code}`, retryable: false, ...fields };
}

/** Items that nobody has taken yet, or takers that wait for one. */
export const queue = <Item>() => {
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

export const serve = async () => {
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
    /** From now on a handshake is answered only when a test calls `handshake`. */
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

export let server: Awaited<ReturnType<typeof serve>>;
/** Every socket that the client has made, in order. */
export let sockets: WebSocket[];

/** Gives each test of the file a server and a clock that only the test moves. */
export const useServer = (): void => {
  beforeEach(async () => {
    server = await serve();
    sockets = [];
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "Date"] });
    // Each random wait is the longest possible.
    vi.spyOn(Math, "random").mockReturnValue(1);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    server.close();
  });
};

class Recorded extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    sockets.push(this);
  }
}

/** Resolves when the client's end of a connection has closed. */
export const closeOf = (socket: WebSocket | undefined) =>
  new Promise<void>((resolve) => {
    socket?.once("close", () => resolve());
  });

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A client, and everything that it reports. */
export const start = ({ url = server.url, query = joining, ...rest }: Options = {}) => {
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

/** A client that has its welcome, with the server's end of its connection. */
export const enter = async (options: Options = {}, welcome: Frame = joined) => {
  const client = start(options);
  const first = await server.next();
  first.send(welcome);
  expect(await client.frames.next()).toEqual(welcome);
  return { client, first };
};

export const listen = () => enter();
export const speak = () => enter({ query: creating, token: () => "a.b.c" }, created);

/** Waits until everything that the peer has sent has arrived. */
export const arrived = async (client: ReturnType<typeof start>, at: { send(frame: unknown): void }) => {
  at.send({ type: "marker" });
  while ((await client.frames.next()).type !== "marker");
  // The client's reaction, such as asking for a token, is done too.
  await pass(0);
};

/** A speaker in the middle of a refresh, with the server's ends of both connections. */
export const refreshing = async (frame: Frame = required) => {
  const { client, first } = await speak();
  first.send(frame);
  const second = await server.next();
  await client.frames.next();
  return { client, first, second };
};
