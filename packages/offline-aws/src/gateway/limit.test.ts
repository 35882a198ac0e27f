import type { Socket } from "node:net";
import { PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { expect, test } from "vitest";
import { echo, ok, startGateway } from "./testing.js";

const MINUTE = 60_000;
const withEcho = { functions: { $default: echo, $disconnect: ok }, routeResponses: ["$default"] };

test("1.4: a binary frame closes with 1003 and invokes nothing, and so does what follows it", async () => {
  const { connect, callsOf } = await startGateway(withEcho);
  const client = await connect();
  client.socket.send(Buffer.from("binary"));
  client.socket.send("text");
  expect((await client.closed).code).toBe(1003);
  expect((await callsOf("$disconnect").next()).requestContext.disconnectStatusCode).toBe(1003);
  expect(callsOf("$default").all).toEqual([]);
});

test("1.4: a frame of 32,768 bytes passes and one of 32,769 closes with 1009", async () => {
  const { connect, callsOf } = await startGateway(withEcho);
  const client = await connect();
  expect(await client.ask("x".repeat(32_768))).toHaveLength(32_768);
  client.socket.send("x".repeat(32_769));
  expect((await client.closed).code).toBe(1009);
  expect((await callsOf("$disconnect").next()).requestContext.disconnectStatusCode).toBe(1009);
  expect(callsOf("$default").all).toHaveLength(1);
});

test("1.4: messages that came before a frame above the limit are still handled, none after it", async () => {
  const { connect, callsOf } = await startGateway(withEcho);
  const client = await connect();
  const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
  tcp.cork();
  for (const message of ["1", "2", "x".repeat(32_769), "3"]) client.socket.send(message);
  tcp.uncork();
  await client.closed;
  expect(callsOf("$default").all.map(({ body }) => body)).toEqual(["1", "2"]);
});

const sendInFrames = (socket: { send(data: string, options: object): void }, size: number, frame: number) => {
  for (let sent = 0; sent < size; sent += frame)
    socket.send("x".repeat(Math.min(frame, size - sent)), { fin: sent + frame >= size });
};

test("1.4: a message of 100 KB in frames of 25 KB passes", async () => {
  const { connect } = await startGateway(withEcho);
  const client = await connect();
  sendInFrames(client.socket, 100 * 1024, 25 * 1024);
  expect(await client.messages.next()).toHaveLength(100 * 1024);
});

test("1.4: a message of 131,072 bytes in frames passes and one of 131,073 closes with 1009", async () => {
  const { connect, callsOf } = await startGateway(withEcho);
  const client = await connect();
  sendInFrames(client.socket, 131_072, 32_768);
  expect(await client.messages.next()).toHaveLength(131_072);
  sendInFrames(client.socket, 131_073, 32_768);
  expect((await client.closed).code).toBe(1009);
  expect((await callsOf("$disconnect").next()).requestContext.disconnectStatusCode).toBe(1009);
  expect(callsOf("$default").all).toHaveLength(1);
});

test("1.6: a message beyond the stage's throttle is answered by a frame, and the socket stays open", async () => {
  const { connect, advance, callsOf } = await startGateway({
    ...withEcho,
    api: { throttle: { burstLimit: 2, rateLimit: 0.01 } },
  });
  const client = await connect();
  expect(await client.ask("1")).toBe("1");
  const { connectionId } = (await callsOf("$default").next()).requestContext;
  expect(await client.ask("2")).toMatch(
    `{"message": "Too Many Requests", "connectionId":"${connectionId}", "requestId":"`,
  );
  advance(100_000);
  expect(await client.ask("3")).toBe("3");
});

test("1.6: ten minutes of silence close with 1001 Going away, one second less does not", async () => {
  const { connect, advance, callsOf } = await startGateway(withEcho);
  const client = await connect();
  advance(10 * MINUTE - 1_000);
  expect(await client.ask("still here")).toBe("still here");
  advance(10 * MINUTE);
  expect(await client.closed).toEqual({ code: 1001, reason: "Going away" });
  expect((await callsOf("$disconnect").next()).requestContext).toMatchObject({
    disconnectStatusCode: 1001,
    disconnectReason: "Going away",
  });
});

test("1.4: a client's message counts against silence, answered or not", async () => {
  const { connect, advance, callsOf, gateway } = await startGateway({ functions: { $default: ok } });
  const client = await connect();
  for (const message of ["1", "2", "3"]) {
    advance(9 * MINUTE);
    client.socket.send(message);
    await callsOf("$default").next();
  }
  expect(gateway.connectionCount()).toBe(1);
  advance(10 * MINUTE);
  expect((await client.closed).code).toBe(1001);
});

test("1.4: a ping is answered but does not count against silence", async () => {
  const { connect, advance } = await startGateway(withEcho);
  const client = await connect();
  advance(9 * MINUTE);
  const pong = new Promise((resolve) => client.socket.once("pong", resolve));
  client.socket.ping();
  await pong;
  advance(MINUTE);
  expect((await client.closed).code).toBe(1001);
});

test("1.4: a server's post counts against silence as a client's message does", async () => {
  const { connect, advance, callsOf, management } = await startGateway({ functions: { $connect: ok } });
  const client = await connect();
  const ConnectionId = (await callsOf("$connect").next()).requestContext.connectionId;
  advance(9 * MINUTE);
  await management().send(new PostToConnectionCommand({ ConnectionId, Data: "tick" }));
  expect(await client.messages.next()).toBe("tick");
  advance(9 * MINUTE);
  await management().send(new PostToConnectionCommand({ ConnectionId, Data: "tock" }));
  expect(await client.messages.next()).toBe("tock");
});

test("1.6: two hours end a connection however much it says", async () => {
  const { connect, advance, callsOf } = await startGateway(withEcho);
  const client = await connect();
  for (let minutes = 7; minutes <= 119; minutes += 7) {
    advance(7 * MINUTE);
    expect(await client.ask(`${minutes}`)).toBe(`${minutes}`);
  }
  advance(MINUTE);
  expect(await client.closed).toEqual({ code: 1001, reason: "Going away" });
  expect((await callsOf("$disconnect").next()).requestContext.disconnectStatusCode).toBe(1001);
});
