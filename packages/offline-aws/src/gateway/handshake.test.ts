import net from "node:net";
import { expect, test } from "vitest";
import { createGate, echo, Failure, ok, startGateway } from "./testing.js";

test("1.2: without a $connect route the client just connects", async () => {
  const { connect, gateway } = await startGateway();
  await connect();
  expect(gateway.connectionCount()).toBe(1);
});

test("1.2: a $connect route without an integration accepts", async () => {
  const routes = [{ routeKey: "$connect", functionName: undefined, routeResponse: false }];
  const { connect, gateway } = await startGateway({ api: { routes } });
  await connect();
  expect(gateway.connectionCount()).toBe(1);
});

test("1.2: the upgrade is held until the $connect integration finishes", async () => {
  const gate = createGate<unknown>();
  const { connect, callsOf, gateway } = await startGateway({ functions: { $connect: () => gate.passed } });
  const connecting = connect();
  await callsOf("$connect").next();
  expect(gateway.connectionCount()).toBe(0);
  gate.open({ statusCode: 200 });
  await connecting;
  expect(gateway.connectionCount()).toBe(1);
});

test.each([200, 201, 299, "200"])("1.2: a $connect that returns %s is accepted", async (statusCode) => {
  const { connect } = await startGateway({ functions: { $connect: () => ({ statusCode }) } });
  expect((await connect()).socket.readyState).toBe(1);
});

test.each([300, 301, 400, 401, 403, 429, 500, 501])(
  "1.2: a client sees exactly the status %i that $connect returned",
  async (statusCode) => {
    const { refused, gateway } = await startGateway({
      functions: { $connect: () => ({ statusCode, body: "why" }) },
    });
    const { status, body } = await refused();
    expect(status).toBe(statusCode);
    expect(body).not.toContain("why");
    expect(gateway.connectionCount()).toBe(0);
  },
);

test("1.2: a $connect that throws is a 502", async () => {
  const $connect = () => {
    throw new Error("broken");
  };
  expect((await (await startGateway({ functions: { $connect } })).refused()).status).toBe(502);
});

test("1.2: a $connect that is throttled is a 502", async () => {
  const $connect = () => {
    throw new Failure({ kind: "throttled" });
  };
  expect((await (await startGateway({ functions: { $connect } })).refused()).status).toBe(502);
});

test("1.2: a $connect that times out is a 502", async () => {
  const $connect = () => {
    throw new Failure({ kind: "timed-out", afterSeconds: 3 });
  };
  expect((await (await startGateway({ functions: { $connect } })).refused()).status).toBe(502);
});

test("1.6: a $connect that takes longer than 29 s is a 502", async () => {
  const { refused, callsOf, advance } = await startGateway({
    functions: { $connect: () => createGate().passed },
  });
  const refusal = refused();
  await callsOf("$connect").next();
  advance(29_000);
  expect((await refusal).status).toBe(502);
});

test.each([[undefined], ["accepted"], [{}], [{ statusCode: 42 }], [{ statusCode: 200.5 }]])(
  "1.2: a $connect that returns no proxy response (%j) is a 502",
  async (response) => {
    const { refused } = await startGateway({ functions: { $connect: () => response } });
    expect((await refused()).status).toBe(502);
  },
);

test("1.2: $connect's response body is not delivered over the socket", async () => {
  const { connect } = await startGateway({
    functions: { $connect: () => ({ statusCode: 200, body: "hello" }), $default: echo },
    routeResponses: ["$connect", "$default"],
  });
  expect(await (await connect()).ask("first")).toBe("first");
});

test("1.2: the subprotocol that $connect returns is echoed, and it may be any of those offered", async () => {
  const { connect } = await startGateway({
    functions: { $connect: () => ({ statusCode: 200, headers: { "sec-websocket-PROTOCOL": "beta" } }) },
  });
  const client = await connect({ subprotocols: ["alpha", "beta"] });
  expect(client.echoedSubprotocol).toBe("beta");
  expect(client.socket.protocol).toBe("beta");
});

test("1.2: a subprotocol that $connect does not return is not echoed, and the client gives up", async () => {
  const { connect } = await startGateway({ functions: { $connect: ok } });
  await expect(connect({ subprotocols: ["alpha"] })).rejects.toThrow("Server sent no subprotocol");
});

test("1.2: a subprotocol that was not offered is not echoed", async () => {
  const { connect } = await startGateway({
    functions: { $connect: () => ({ statusCode: 200, headers: { "Sec-WebSocket-Protocol": "other" } }) },
  });
  await expect(connect({ subprotocols: ["alpha"] })).rejects.toThrow("Server sent no subprotocol");
  expect((await connect()).echoedSubprotocol).toBeUndefined();
});

test.each(["alpha,,beta", "alpha, alpha", "al pha", ","])(
  "1.2: a malformed list of subprotocols (%s) is a 400, and $connect is not invoked",
  async (header) => {
    const { refused, callsOf } = await startGateway({ functions: { $connect: ok } });
    expect((await refused({ headers: { "Sec-WebSocket-Protocol": header } })).status).toBe(400);
    expect(callsOf("$connect").all).toEqual([]);
  },
);

test("1.2: an upgrade that is no WebSocket handshake is a 400, and $connect is not invoked", async () => {
  const { port, callsOf } = await startGateway({ functions: { $connect: ok } });
  const socket = net.connect(port, "127.0.0.1");
  socket.write("GET /prod HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 400 Bad Request");
  expect(callsOf("$connect").all).toEqual([]);
});

test.each(["/", "/production", "/dev", "/prod/extra", "/prod/@connections/x", "//prod", "/%"])(
  "5: the path %s is not the stage's and a 403",
  async (path) => {
    const { refused, callsOf } = await startGateway({ functions: { $connect: ok } });
    expect(await refused({ path })).toEqual({
      status: 403,
      reason: "the path is not that of the stage, /prod",
      body: '{"message":"Forbidden"}',
    });
    expect(callsOf("$connect").all).toEqual([]);
  },
);

test.each(["/$default", "/%24default", "/$default/", "/$default?a=1"])(
  "6: SST's own stage is reached at %s",
  async (path) => {
    const { connect } = await startGateway({ api: { stageName: "$default" } });
    expect((await connect({ path })).socket.readyState).toBe(1);
  },
);

test("1.6: a URL of 4,096 characters passes and one of 4,097 is a 414", async () => {
  const { connect, refused } = await startGateway({ functions: { $connect: ok } });
  const path = `/prod?token=${"x".repeat(4096 - "/prod?token=".length)}`;
  expect((await connect({ path })).socket.readyState).toBe(1);
  expect((await refused({ path: `${path}x` })).status).toBe(414);
});

test("1.2: a client that gives up during the handshake still gets its $disconnect", async () => {
  const gate = createGate<unknown>();
  const { open, callsOf } = await startGateway({
    functions: { $connect: () => gate.passed, $disconnect: ok },
  });
  const socket = open({});
  const { requestContext } = await callsOf("$connect").next();
  socket.terminate();
  gate.open({ statusCode: 200 });
  const disconnect = await callsOf("$disconnect").next();
  expect(disconnect.requestContext.connectionId).toBe(requestContext.connectionId);
  expect(disconnect.requestContext.disconnectStatusCode).toBe(1006);
});

test("1.2: a client that gives up and is then refused gets no $disconnect", async () => {
  const gate = createGate<unknown>();
  const { open, callsOf, notices } = await startGateway({
    functions: { $connect: () => gate.passed, $disconnect: ok },
  });
  const socket = open({});
  await callsOf("$connect").next();
  socket.terminate();
  gate.open({ statusCode: 403 });
  expect(await notices.next()).toMatchObject({ kind: "refused", status: 403 });
  expect(callsOf("$disconnect").all).toEqual([]);
});

test("a message that a client sends behind its handshake waits for $connect and is not lost", async () => {
  const gate = createGate<unknown>();
  const { port, callsOf } = await startGateway({
    functions: { $connect: () => gate.passed, $default: echo },
  });
  const socket = net.connect(port, "127.0.0.1");
  const handshake =
    "GET /prod HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const maskedHi = Buffer.of(0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69);
  socket.write(Buffer.concat([Buffer.from(handshake), maskedHi]));
  await callsOf("$connect").next();
  expect(callsOf("$default").all).toEqual([]);
  gate.open({ statusCode: 200 });
  expect((await callsOf("$default").next()).body).toBe("hi");
  socket.destroy();
});

test("1.6: a stage whose throttle is 0 rejects every connection with 429", async () => {
  const { refused, callsOf } = await startGateway({
    api: { throttle: { burstLimit: 0, rateLimit: 0 } },
    functions: { $connect: ok },
  });
  expect((await refused()).status).toBe(429);
  expect(callsOf("$connect").all).toEqual([]);
});

test("1.6: connections beyond the stage's burst are a 429 until the rate has refilled it", async () => {
  const { connect, refused, advance } = await startGateway({
    api: { throttle: { burstLimit: 2, rateLimit: 0.01 } },
  });
  await connect();
  await connect();
  expect((await refused()).status).toBe(429);
  advance(100_000);
  expect((await connect()).socket.readyState).toBe(1);
});

test("1.6: with quotas, the 501st new connection of a second is a 429", async () => {
  const frozen = { now: () => Date.UTC(2026, 0), after: () => () => {} };
  const missing = { authorizer: ok };
  const identitySources = ["route.request.header.Authorization"];
  const { refused } = await startGateway({
    quotas: true,
    clock: frozen,
    functions: missing,
    identitySources,
  });
  const statuses = await Promise.all(Array.from({ length: 500 }, async () => (await refused()).status));
  expect(new Set(statuses)).toEqual(new Set([401]));
  expect((await refused()).status).toBe(429);
});

test("notices name status and reason but neither token nor query nor address", async () => {
  const { connect, refused, notices } = await startGateway({
    functions: { $connect: ({ headers }) => ({ statusCode: headers?.Authorization ? 200 : 401 }) },
  });
  await refused({ path: "/prod?token=secret-1" });
  const client = await connect({ path: "/prod?token=secret-2", headers: { Authorization: "secret-3" } });
  client.socket.close(1000, "bye");
  await client.closed;
  expect(await notices.next()).toMatchObject({
    kind: "refused",
    status: 401,
    reason: "$connect returned 401",
  });
  expect(await notices.next()).toMatchObject({ kind: "connected" });
  expect(await notices.next()).toMatchObject({ kind: "closed", code: 1000, reason: "bye" });
  expect(JSON.stringify(notices.all)).not.toMatch(/secret|127\.0\.0\.1/);
});
