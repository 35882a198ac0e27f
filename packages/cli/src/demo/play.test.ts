import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { createNarrator } from "./narrator.js";
import { play } from "./play.js";

let end: () => unknown = () => undefined;

afterEach(() => end());

const playAt = async (server: Server | WebSocketServer, limitMs = 500) => {
  if (server instanceof WebSocketServer) await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const lines: string[] = [];
  const narrator = createNarrator({ write: (text) => lines.push(text) });
  const played = await play({
    url: `ws://127.0.0.1:${port}/prod`,
    token: "secret",
    listeners: 1,
    narrator,
    limitMs,
  });
  return { ...played, text: lines.join("") };
};

test("a welcome that does not come is a broken promise, named", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  end = () => server.close();
  const { broken, text } = await playAt(server);
  expect(broken).toBe(
    "Broken promise: the speaker gets a session: speaker got no sessionCreated within 500 ms.",
  );
  expect(text).not.toContain("secret");
});

test("a handshake without an answer is a broken promise too", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  end = () => server.close();
  const { broken } = await playAt(server);
  expect(broken).toBe(
    "Broken promise: the speaker gets a session: speaker got no answer (Opening handshake has timed out).",
  );
});

test("an error frame instead of the welcome is named by its code", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  end = () => server.close();
  server.on("connection", (socket) =>
    socket.send(
      JSON.stringify({
        type: "error",
        timestamp: 0,
        code: "SERVICE_UNAVAILABLE",
        message: "Later",
        status: 503,
        retryable: true,
      }),
    ),
  );
  const { broken, promises } = await playAt(server, 10_000);
  expect(broken).toContain("speaker got the error SERVICE_UNAVAILABLE");
  expect(promises).toHaveLength(1);
});
