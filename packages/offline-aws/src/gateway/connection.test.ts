import { expect, test } from "vitest";
import { createGate, echo, Failure, ok, startGateway, type TestFunction } from "./testing.js";

const withEcho = { functions: { $default: echo, $disconnect: ok }, routeResponses: ["$default"] };

test("1.4: a message goes to the route that its action names", async () => {
  const { connect, callsOf } = await startGateway({ functions: { heartbeat: ok, $default: ok } });
  const client = await connect();
  client.socket.send('{"action":"heartbeat"}');
  expect((await callsOf("heartbeat").next()).requestContext.routeKey).toBe("heartbeat");
  expect(callsOf("$default").all).toEqual([]);
});

test('1.4: the action is stringified, {"action":5} takes route "5"', async () => {
  const { connect, callsOf } = await startGateway({ functions: { "5": ok, true: ok } });
  const client = await connect();
  client.socket.send('{"action":5}');
  expect((await callsOf("5").next()).requestContext.routeKey).toBe("5");
  client.socket.send('{"action":true}');
  expect((await callsOf("true").next()).requestContext.routeKey).toBe("true");
});

test.each(['{"action":"unknown"}', "{}", "[]", "null", "7", "{malformed", "", '{"action":"$connect"}'])(
  "1.4: the message %s, which has no route of its own, takes $default",
  async (message) => {
    const { connect, callsOf } = await startGateway({ functions: { $connect: ok, $default: ok } });
    const client = await connect();
    client.socket.send(message);
    const event = await callsOf("$default").next();
    expect(event.body).toBe(message);
    expect(event.requestContext.routeKey).toBe("$default");
  },
);

test.each(['{"action":"unknown"}', "{malformed", '{"action":"$disconnect"}', '{"action":"constructor"}'])(
  "1.4: without $default the message %s is answered by the Forbidden frame, byte for byte",
  async (message) => {
    const { connect, callsOf, gateway } = await startGateway({
      functions: { $connect: ok, $disconnect: ok },
    });
    const client = await connect();
    const { connectionId } = (await callsOf("$connect").next()).requestContext;
    const frame = await client.ask(message);
    const { requestId } = JSON.parse(frame);
    expect(frame).toBe(
      `{"message": "Forbidden", "connectionId":"${connectionId}", "requestId":"${requestId}"}`,
    );
    expect(requestId).toMatch(/^[\w-]{15}=$/);
    expect(gateway.connectionCount()).toBe(1);
    expect(callsOf("$disconnect").all).toEqual([]);
  },
);

const failing: [string, TestFunction][] = [
  [
    "throws",
    () => {
      throw new Error("broken");
    },
  ],
  [
    "times out",
    () => {
      throw new Failure({ kind: "timed-out", afterSeconds: 3 });
    },
  ],
  [
    "is throttled",
    () => {
      throw new Failure({ kind: "throttled" });
    },
  ],
];

test.each(failing)(
  "1.4: a function that %s is answered by the Internal server error frame, and the socket stays open",
  async (_, $default) => {
    const { connect, callsOf } = await startGateway({
      functions: { $default, echo },
      routeResponses: ["echo"],
    });
    const client = await connect();
    const frame = await client.ask("hello");
    const { connectionId, requestId } = (await callsOf("$default").next()).requestContext;
    expect(frame).toBe(
      `{"message": "Internal server error", "connectionId":"${connectionId}", "requestId":"${requestId}"}`,
    );
    expect(await client.ask('{"action":"echo"}')).toBe('{"action":"echo"}');
  },
);

test("1.4: a function that takes longer than 29 s is answered by the Internal server error frame", async () => {
  const { connect, callsOf, advance } = await startGateway({
    functions: { $default: () => createGate().passed },
  });
  const client = await connect();
  client.socket.send("hello");
  await callsOf("$default").next();
  advance(29_000);
  expect(JSON.parse(await client.messages.next())).toMatchObject({ message: "Internal server error" });
});

test("1.4: a route without an integration is answered by the Internal server error frame", async () => {
  const routes = [{ routeKey: "$default", functionName: undefined, routeResponse: false }];
  const { connect } = await startGateway({ api: { routes } });
  expect(JSON.parse(await (await connect()).ask("x"))).toMatchObject({ message: "Internal server error" });
});

test("1.4: only a route with a route response sends the function's body back", async () => {
  const { connect, callsOf } = await startGateway({
    functions: { silent: echo, loud: echo },
    routeResponses: ["loud"],
  });
  const client = await connect();
  client.socket.send('{"action":"silent"}');
  await callsOf("silent").next();
  expect(await client.ask('{"action":"loud"}')).toBe('{"action":"loud"}');
});

test.each([[{ statusCode: 200 }], [{ statusCode: 200, body: { not: "text" } }], [undefined], ["text"]])(
  "1.4: with a route response, a function that returns no body (%j) is answered by nothing",
  async (payload) => {
    const { connect, callsOf } = await startGateway({
      functions: { quiet: () => payload, echo },
      routeResponses: ["quiet", "echo"],
    });
    const client = await connect();
    client.socket.send('{"action":"quiet"}');
    await callsOf("quiet").next();
    expect(await client.ask('{"action":"echo"}')).toBe('{"action":"echo"}');
  },
);

test("1.4: a returned status of 4xx or 5xx does not close the socket, and the body is sent", async () => {
  const { connect } = await startGateway({
    functions: { $default: ({ body }) => ({ statusCode: Number(body), body: `status ${body}` }) },
    routeResponses: ["$default"],
  });
  const client = await connect();
  expect(await client.ask("400")).toBe("status 400");
  expect(await client.ask("500")).toBe("status 500");
});

test("1.4: messages invoke their functions concurrently, without order", async () => {
  const gate = createGate<unknown>();
  const { connect } = await startGateway({
    functions: { slow: () => gate.passed, fast: echo },
    routeResponses: ["slow", "fast"],
  });
  const client = await connect();
  client.socket.send('{"action":"slow"}');
  expect(await client.ask('{"action":"fast"}')).toBe('{"action":"fast"}');
  gate.open({ statusCode: 200, body: "at last" });
  expect(await client.messages.next()).toBe("at last");
});

test("1.1: $disconnect tells the client's own code and reason, once", async () => {
  const { connect, callsOf, gateway } = await startGateway(withEcho);
  const client = await connect();
  client.socket.close(4001, "refreshing");
  expect((await callsOf("$disconnect").next()).requestContext).toMatchObject({
    disconnectStatusCode: 4001,
    disconnectReason: "refreshing",
  });
  await client.closed;
  expect(gateway.connectionCount()).toBe(0);
  await gateway.close();
  expect(callsOf("$disconnect").all).toHaveLength(1);
});

test("1.1: a TCP connection that dies without a close frame is 1006 with no reason", async () => {
  const { connect, callsOf } = await startGateway(withEcho);
  (await connect()).socket.terminate();
  expect((await callsOf("$disconnect").next()).requestContext).toMatchObject({
    disconnectStatusCode: 1006,
    disconnectReason: "",
  });
});

test("1.4: a message whose function ends after the client has gone is dropped", async () => {
  const gate = createGate<unknown>();
  const { connect, callsOf } = await startGateway({
    functions: { $default: () => gate.passed, $disconnect: ok },
    routeResponses: ["$default"],
  });
  const client = await connect();
  client.socket.send("slow");
  await callsOf("$default").next();
  client.socket.close();
  await callsOf("$disconnect").next();
  gate.open({ statusCode: 200, body: "too late" });
  await gate.passed;
  expect(client.messages.all).toEqual([]);
});

test("closing the gateway closes every socket with 1001 and waits for their $disconnect", async () => {
  const gate = createGate<unknown>();
  const { connect, callsOf, gateway, refused } = await startGateway({
    functions: { $disconnect: () => gate.passed },
  });
  const clients = [await connect(), await connect()];
  let isClosed = false;
  const closing = gateway.close().then(() => {
    isClosed = true;
  });
  for (const client of clients) expect(await client.closed).toEqual({ code: 1001, reason: "Going away" });
  await callsOf("$disconnect").next();
  await callsOf("$disconnect").next();
  expect(isClosed).toBe(false);
  expect((await refused()).status).toBe(503);
  gate.open({ statusCode: 200 });
  await closing;
  expect(gateway.connectionCount()).toBe(0);
});

test("closing the gateway waits for a handshake that is held, and tells $disconnect of it", async () => {
  const gate = createGate<unknown>();
  const { open, callsOf, gateway } = await startGateway({
    functions: { $connect: () => gate.passed, $disconnect: ok },
  });
  open({});
  const { connectionId } = (await callsOf("$connect").next()).requestContext;
  const closing = gateway.close();
  gate.open({ statusCode: 200 });
  await closing;
  expect((await callsOf("$disconnect").next()).requestContext.connectionId).toBe(connectionId);
});

test("a response of 128 KB goes out; of a byte more, the error frame, and the log says why", async () => {
  const limit = 131_072;
  const { connect, notices } = await startGateway({
    functions: { $default: ({ body }) => ({ statusCode: 200, body: "x".repeat(Number(body)) }) },
    routeResponses: ["$default"],
  });
  const client = await connect();
  expect(await client.ask(String(limit))).toHaveLength(limit);
  expect(await client.ask(String(limit + 1))).toMatch(/^\{"message": "Internal server error", /);
  expect(notices.all.at(-1)).toMatchObject({
    kind: "message-refused",
    reason: "$default returned a body of 131073 bytes, and a message has at most 131072",
  });
});

test("a route with its own settings has its own throttle, and takes nothing from the stage's", async () => {
  const slow = { burstLimit: 1, rateLimit: 0.01 };
  const route = { functionName: "echo", routeResponse: true };
  const { connect, notices } = await startGateway({
    functions: { echo },
    api: {
      throttle: { burstLimit: 2, rateLimit: 0.01 },
      routes: [
        { ...route, routeKey: "own", throttle: slow },
        { ...route, routeKey: "$default" },
      ],
    },
  });
  const client = await connect();
  expect(await client.ask('{"action":"own"}')).toBe('{"action":"own"}');
  expect(await client.ask('{"action":"own"}')).toContain("Too Many Requests");
  expect(notices.all.at(-1)).toMatchObject({ reason: "the throttle of route own is used up" });
  expect(await client.ask("one")).toBe("one");
  expect(await client.ask("two")).toContain("Too Many Requests");
  expect(notices.all.at(-1)).toMatchObject({ reason: "the throttle of the stage is used up" });
});
