import { expect, test } from "vitest";
import { echo, ok, startGateway, type TestEvent } from "./testing.js";

const ID = /^[\w-]{15}=$/;
const CLF = /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/;

const requestContext = (routeKey: string, eventType: string) => ({
  routeKey,
  eventType,
  extendedRequestId: expect.stringMatching(ID),
  requestTime: expect.stringMatching(CLF),
  messageDirection: "IN",
  stage: "prod",
  connectedAt: expect.any(Number),
  requestTimeEpoch: expect.any(Number),
  identity: { sourceIp: "127.0.0.1" },
  requestId: expect.stringMatching(ID),
  domainName: "abc123.execute-api.eu-central-1.amazonaws.com",
  connectionId: expect.stringMatching(ID),
  apiId: "abc123",
});

const all = { $connect: ok, $default: echo, $disconnect: ok };

test("1.1: a CONNECT event has headers in their original case, and no body", async () => {
  const { connect, callsOf, port } = await startGateway({ functions: all });
  await connect({ headers: { "X-CuStOm": "1", "x-forwarded-proto": "http" } });
  const event = await callsOf("$connect").next();
  expect(event).toEqual({
    headers: {
      Host: `127.0.0.1:${port}`,
      "X-CuStOm": "1",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": expect.any(String),
      "Sec-WebSocket-Extensions": expect.any(String),
      "X-Forwarded-For": "127.0.0.1",
      "X-Forwarded-Port": "443",
      "X-Forwarded-Proto": "https",
    },
    multiValueHeaders: expect.objectContaining({ "X-CuStOm": ["1"], "X-Forwarded-For": ["127.0.0.1"] }),
    requestContext: requestContext("$connect", "CONNECT"),
    isBase64Encoded: false,
  });
});

test("1.1: a header that comes twice keeps its last value, and all of them in multiValueHeaders", async () => {
  const { connect, callsOf } = await startGateway({ functions: all });
  // Node sends an array as several headers; the types of `ws` do not know.
  await connect({ headers: { "X-Many": ["a", "b"] as unknown as string } });
  const { headers, multiValueHeaders } = await callsOf("$connect").next();
  expect(headers?.["X-Many"]).toBe("b");
  expect(multiValueHeaders?.["X-Many"]).toEqual(["a", "b"]);
});

test.each(["/prod", "/prod?"])(
  "1.1: without a query string (%s) there are no query parameters",
  async (path) => {
    const { connect, callsOf } = await startGateway({ functions: all });
    await connect({ path });
    const event = await callsOf("$connect").next();
    expect(event).not.toHaveProperty("queryStringParameters");
    expect(event).not.toHaveProperty("multiValueQueryStringParameters");
  },
);

test("1.1: a query string arrives decoded, single and multiple", async () => {
  const { connect, callsOf } = await startGateway({ functions: all });
  await connect({ path: "/prod?a=1&a=2&name=J%C3%BCrgen%20B&empty=" });
  const event = await callsOf("$connect").next();
  expect(event.queryStringParameters).toEqual({ a: "2", name: "Jürgen B", empty: "" });
  expect(event.multiValueQueryStringParameters).toEqual({ a: ["1", "2"], name: ["Jürgen B"], empty: [""] });
});

test("1.1: a MESSAGE event has a messageId and the body, but neither headers nor query", async () => {
  const { connect, callsOf } = await startGateway({ functions: all });
  const client = await connect({ path: "/prod?a=1" });
  client.socket.send("grüezi");
  expect(await callsOf("$default").next()).toEqual({
    requestContext: { ...requestContext("$default", "MESSAGE"), messageId: expect.stringMatching(ID) },
    body: "grüezi",
    isBase64Encoded: false,
  });
});

test("1.1: a DISCONNECT event has code and reason, and no headers but Host and three empty ones", async () => {
  const { connect, callsOf } = await startGateway({ functions: all });
  const client = await connect();
  client.socket.close();
  const host = "abc123.execute-api.eu-central-1.amazonaws.com";
  expect(await callsOf("$disconnect").next()).toEqual({
    headers: { Host: host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" },
    multiValueHeaders: { Host: [host], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""] },
    requestContext: {
      ...requestContext("$disconnect", "DISCONNECT"),
      disconnectStatusCode: 1005,
      disconnectReason: "Client-side close frame status not set",
    },
    isBase64Encoded: false,
  });
});

test("1.1: connectionId and connectedAt stay, ids of requests and messages are new each time", async () => {
  const { connect, callsOf } = await startGateway({ functions: all, routeResponses: ["$default"] });
  const client = await connect();
  await client.ask("1");
  await client.ask("2");
  client.socket.close();
  const disconnect = await callsOf("$disconnect").next();
  const events: TestEvent[] = [...callsOf("$connect").all, ...callsOf("$default").all, disconnect];
  const distinct = (name: string) => new Set(events.map(({ requestContext }) => requestContext[name])).size;
  expect(distinct("connectionId")).toBe(1);
  expect(distinct("connectedAt")).toBe(1);
  expect(distinct("requestId")).toBe(4);
  for (const { requestContext } of events)
    expect(requestContext.extendedRequestId).toBe(requestContext.requestId);
  const [first, second] = callsOf("$default").all;
  expect(first?.requestContext.messageId).not.toBe(second?.requestContext.messageId);
});

test("1.1: requestTime is requestTimeEpoch in the common log format", async () => {
  const clock = { now: () => Date.UTC(2024, 1, 19, 7, 11, 42, 500), after: () => () => {} };
  const { connect, callsOf } = await startGateway({ functions: all, clock });
  await connect();
  expect((await callsOf("$connect").next()).requestContext).toMatchObject({
    requestTime: "19/Feb/2024:07:11:42 +0000",
    requestTimeEpoch: Date.UTC(2024, 1, 19, 7, 11, 42, 500),
    connectedAt: Date.UTC(2024, 1, 19, 7, 11, 42, 500),
  });
});

test("1.1: identity has a userAgent on every event, but only if the client sent one", async () => {
  const { connect, callsOf } = await startGateway({ functions: all, routeResponses: ["$default"] });
  const client = await connect({ headers: { "User-Agent": "browser/1" } });
  await client.ask("hello");
  client.socket.close();
  for (const name of ["$connect", "$default", "$disconnect"])
    expect((await callsOf(name).next()).requestContext.identity).toEqual({
      sourceIp: "127.0.0.1",
      userAgent: "browser/1",
    });
});

test("the last address of a client's own X-Forwarded-For stands for the source, so that tests come from many", async () => {
  const { connect, callsOf } = await startGateway({ functions: all });
  const seen = async (header: string) => {
    await connect({ headers: { "X-Forwarded-For": header } });
    const { headers, requestContext } = await callsOf("$connect").next();
    return [requestContext.identity, headers?.["X-Forwarded-For"]];
  };
  expect(await seen("203.0.113.7")).toEqual([{ sourceIp: "203.0.113.7" }, "203.0.113.7"]);
  expect(await seen("6.6.6.6, 2001:db8::1")).toEqual([{ sourceIp: "2001:db8::1" }, "6.6.6.6, 2001:db8::1"]);
  expect(await seen("nonsense")).toEqual([{ sourceIp: "127.0.0.1" }, "127.0.0.1"]);
});
