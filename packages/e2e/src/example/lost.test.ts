import { describe, expect, test, vi } from "vitest";
import {
  arrived,
  closeOf,
  comingBack,
  creating,
  ended,
  enter,
  gatewayError,
  heartbeatMs,
  joined,
  listen,
  pass,
  refreshed,
  refreshing,
  refusal,
  replaced,
  required,
  server,
  sockets,
  speak,
  start,
  takingOver,
  useServer,
  welcomeMs,
} from "./testing.js";

useServer();

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

  test("without an answer when the next is due show a dead connection", async () => {
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
    expect((await server.next()).query).toEqual({ ...comingBack, errors: "frame" });
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

  test("a speaker takes the session over, and never waits longer than 5 s", async () => {
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

  test("a speaker without a session waits as long as a listener", async () => {
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
  ])("the next wait after a connection that %s", async (_, livedMs, waitMs) => {
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

  test("reconnects at once when the browser is online again", async () => {
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

describe("when another connection has taken the session over", () => {
  test("stops for good", async () => {
    const { client, first } = await speak();
    first.send(replaced);
    first.close(1000);
    expect(await client.ends.next()).toEqual(replaced);
    await first.closed;
    await pass(60_000);
    expect([client.losses.items, client.frames.items, sockets.length]).toEqual([[], [], 1]);
  });

  test("goes on if that was its own refresh with an expired ticket", async () => {
    const { client, first, second } = await refreshing();
    first.send(replaced);
    first.close(1000);
    await first.closed;
    second.send(refreshed);
    expect(await client.frames.next()).toEqual(refreshed);
    expect([client.losses.items, client.ends.items]).toEqual([[], []]);
  });

  test("goes on, too, if its own welcome came first", async () => {
    const { client, first, second } = await refreshing();
    second.send(refreshed);
    await client.frames.next();
    first.send(replaced);
    await arrived(client, first);
    expect(client.ends.items).toEqual([]);
  });

  test("stops while a refresh waits for its next attempt", async () => {
    const { client, first, second } = await refreshing();
    second.send(refusal("SERVICE_UNAVAILABLE", { retryable: true }));
    await second.closed;
    first.send(replaced);
    expect(await client.ends.next()).toEqual(replaced);
    await pass(5_000);
    expect(sockets).toHaveLength(2);
  });

  test("treats any other FORBIDDEN as the answer to a frame", async () => {
    const { client, first } = await speak();
    first.send(refusal("FORBIDDEN"));
    expect(await client.frames.next()).toEqual(refusal("FORBIDDEN"));
    await arrived(client, first);
    expect(client.ends.items).toEqual([]);
  });
});

describe("at the end of the session", () => {
  test("reports it, closes the connection and does not reconnect", async () => {
    const { client, first } = await listen();
    first.send(ended);
    expect([await client.frames.next(), await client.ends.next()]).toEqual([ended, ended]);
    expect(await first.closed).toBe(1000);
    await pass(60_000);
    expect([client.losses.items, sockets.length]).toEqual([[], 1]);
  });

  test("does so also when that is the first frame", async () => {
    const client = start();
    (await server.next()).send(ended);
    expect(await client.ends.next()).toEqual(ended);
    await pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  test("gives up a running refresh", async () => {
    const { client, first, second } = await refreshing();
    first.send(ended);
    expect(await client.ends.next()).toEqual(ended);
    expect(await second.closed).toBe(1000);
    expect(await first.closed).toBe(1000);
  });
});

describe("leaving", () => {
  test("closes with 1000, and reports nothing more", async () => {
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
