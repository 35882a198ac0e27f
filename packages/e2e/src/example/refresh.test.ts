import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  arrived,
  closeOf,
  heartbeatMs,
  listen,
  pass,
  refreshed,
  refreshing,
  refusal,
  required,
  requiredOfListener,
  serve,
  server,
  sockets,
  speak,
  takingOver,
  useServer,
  welcomeMs,
} from "./testing.js";

useServer();

describe("a refresh", () => {
  test("opens a second connection with the ticket, and uses it from its welcome on", async () => {
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

  test("closes the old connection when the server does not, as after a ticket that was not good", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    await pass(welcomeMs);
    expect(await first.closed).toBe(1000);
  });

  test("holds frames back while it runs", async () => {
    const { client, first, second } = await refreshing();
    client.send({ action: "endSession" });
    await pass(0);
    second.send({ type: "speakerReconnected" });
    await client.frames.next();
    second.send(refreshed);
    expect(await second.frames.next()).toEqual({ action: "endSession" });
    expect(first.frames.items).toEqual([]);
  });

  test("that fails is not reported: the old connection goes on, and gets the frames that were held back", async () => {
    const { client, first, second } = await refreshing();
    client.send({ action: "getSessionStatus" });
    second.send(refusal("SESSION_FULL", { retryable: true }));
    expect(await first.frames.next()).toEqual({ action: "getSessionStatus" });
    // While it waits, nothing is held back.
    client.send({ action: "endSession" });
    expect(await first.frames.next()).toEqual({ action: "endSession" });
    expect([client.frames.items, client.losses.items]).toEqual([[], []]);
  });

  test("that fails is retried after waits that double up to two minutes", async () => {
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

  test("that fails is retried with the newest ticket at the newest address, and no sooner", async () => {
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

  test("that waits does not hurry when the browser is online again", async () => {
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

  test("that is refused for good is repeated only when the server asks again", async () => {
    const { client, first, second } = await refreshing();
    second.send(refusal("FORBIDDEN"));
    await second.closed;
    await pass(20_000);
    expect(sockets).toHaveLength(2);
    first.send({ ...required, ticket: "second" });
    expect((await server.next()).query.ticket).toBe("second");
    expect([client.losses.items, client.ends.items]).toEqual([[], []]);
  });

  test("starts with short waits when the server asks again", async () => {
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

  test("is retried once with a fresh token if the first has expired", async () => {
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

  test("succeeds though the old connection is lost meanwhile", async () => {
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
  ])(
    "that %s after the old connection was lost: the client reconnects to the old address",
    async (_, frame) => {
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
    },
  );

  test("that waits is dropped when the old connection is lost: the client reconnects to the old address", async () => {
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

  test("to another address stays there", async () => {
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

  test("ignores the request of a replaced connection", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    first.send(required);
    await arrived(client, first);
    expect(sockets).toHaveLength(2);
  });

  test("ignores the late close of a replaced connection during a reconnect", async () => {
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
