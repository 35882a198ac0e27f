import type http from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import type { ServerFrame } from "@lectern/protocol";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SocketError, type Sockets } from "../port/sockets.js";
import { midnight } from "../testing/index.js";
import { startManagementApi } from "../testing/management-api.js";
import { createSockets, type SocketsOptions } from "./sockets.js";

const frame: ServerFrame = { type: "heartbeatAck", timestamp: midnight };
/** As API Gateway makes them: they end in `=`. */
const connectionId = "TXzPWdnOjoECGjA=";
const region = "eu-central-1";

let api: Awaited<ReturnType<typeof startManagementApi>>;

beforeEach(async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  pauses = [];
  api = await startManagementApi();
});

afterEach(() => {
  vi.restoreAllMocks();
  api.close();
});

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret of the tests" };

/** The pauses between tries (ms). */
let pauses: number[] = [];

const connect = (options: Partial<SocketsOptions> = {}): Sockets =>
  createSockets({
    endpoint: api.endpoint,
    region,
    credentials: () => credentials,
    now: () => midnight,
    pause: async (ms) => pauses.push(ms),
    ...options,
  });

describe("the sockets", () => {
  test("a frame is posted to the connection and a close deletes it, under the stage's path", async () => {
    const port = connect();
    for (const id of [connectionId, "abc123", "a+b/c=="]) {
      await port.send(id, frame);
      await port.close(id);
      const [posted, deleted] = api.seen.splice(0);
      expect(posted).toMatchObject({
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: JSON.stringify(frame),
      });
      expect(deleted).toMatchObject({ method: "DELETE", body: "" });
      for (const { url } of [posted, deleted].filter((seen) => seen !== undefined)) {
        expect(url).toBe(`/prod/@connections/${encodeURIComponent(id)}`);
      }
    }
  });

  test("a frame that arrived is sent; 410 means gone, at the first try", async () => {
    const port = connect();
    expect(await port.send(connectionId, frame)).toBe("sent");
    api.answer(410);
    expect(await port.send(connectionId, frame)).toBe("gone");
    expect(api.seen).toHaveLength(2);
  });

  test("closing a socket that is gone already is no error", async () => {
    api.answer(204);
    await connect().close(connectionId);
    api.answer(410);
    await connect().close(connectionId);
    expect(api.seen).toHaveLength(2);
  });

  test.each([429, 500, 503, "cut" as const])("rule 21: %s is tried three times at most", async (fault) => {
    const port = connect();
    api.answer(fault, fault, 200);
    expect(await port.send(connectionId, frame)).toBe("sent");
    expect(api.seen.splice(0)).toHaveLength(3);
    api.answer(fault);
    const error = await port.send(connectionId, frame).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SocketError);
    expect((error as SocketError).status).toBe(fault === "cut" ? undefined : fault);
    expect(api.seen).toHaveLength(3);
  });

  test("after a 429 the next try waits ten times as long as after a fault", async () => {
    const port = connect();
    api.answer(503, 503, 200);
    await port.send(connectionId, frame);
    api.answer(429, 429, 200);
    await port.send(connectionId, frame);
    expect(pauses).toEqual([50, 200, 500, 2_000]);
  });

  test.each([400, 403, 413])("%i is our own mistake and not tried again", async (status) => {
    api.answer(status);
    await expect(connect().send(connectionId, frame)).rejects.toMatchObject({ name: "SocketError", status });
    expect(api.seen).toHaveLength(1);
  });

  test("rule 21: a management API that does not answer is given up after three tries of the time set", async () => {
    api.answer("silence");
    await expect(connect({ timeoutMs: 200 }).send(connectionId, frame)).rejects.toThrow(
      `POST @connections failed: no answer within 200 ms`,
    );
    expect(api.seen).toHaveLength(3);
  });

  test("an error tells neither the connection's id nor the frame", async () => {
    api.answer(403);
    const error = await connect().send(connectionId, frame).catch(String);
    expect(error).toBe("SocketError: POST @connections failed: status 403");
  });

  test("frames to the same API share a kept-alive connection", async () => {
    const port = connect();
    for (let sent = 0; sent < 5; sent += 1) await port.send(connectionId, frame);
    expect(api.connections()).toBe(1);
  });
});

test("the time at which a socket was last active comes back in milliseconds", async () => {
  api.answer({
    status: 200,
    body: '{"connectedAt":"2026-01-01T00:00:00Z","lastActiveAt":"2026-01-01T00:00:01.500Z"}',
  });
  expect(await connect().lastActiveAt(connectionId)).toBe(midnight + 1500);
  api.answer(410);
  expect(await connect().lastActiveAt(connectionId)).toBe("gone");
  api.answer({ status: 200, body: "{}" });
  await expect(connect().lastActiveAt(connectionId)).rejects.toThrow("no lastActiveAt");
});

describe("the signature", () => {
  /** The headers that AWS's own signer makes for the same request. */
  const signedByAws = async (
    { method, url, headers, body }: (typeof api.seen)[number],
    given: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
    at = midnight,
  ): Promise<http.IncomingHttpHeaders> => {
    const signer = new SignatureV4({
      credentials: given,
      region,
      service: "execute-api",
      sha256: Sha256,
      applyChecksum: false,
    });
    const { hostname, port } = new URL(api.endpoint);
    const request = {
      method,
      protocol: "http:",
      hostname,
      port: Number(port),
      path: url,
      query: {},
      headers: {
        host: headers.host ?? "",
        ...(headers["content-type"] ? { "content-type": headers["content-type"] } : {}),
      },
      body,
    };
    return (await signer.sign(request, { signingDate: new Date(at) })).headers;
  };

  test.each([
    ["an id that ends in =", connectionId],
    ["an id of ordinary letters", "abc123"],
    ["an id that needs more escaping", "a+b/c=="],
  ])("is that of AWS's own signer, for %s", async (_, id) => {
    await connect().send(id, frame);
    await connect().close(id);
    expect(api.seen).toHaveLength(2);
    for (const request of api.seen) {
      const { authorization, "x-amz-date": date } = await signedByAws(request, credentials);
      expect(request.headers.authorization).toBe(authorization);
      expect(request.headers["x-amz-date"]).toBe(date);
    }
  });

  test("covers the session token of temporary credentials, as a function has them", async () => {
    const temporary = { ...credentials, sessionToken: "FwoGZXIvYXdzEBYaD+/=" };
    await connect({ credentials: () => temporary }).send(connectionId, frame);
    const [request] = api.seen;
    if (!request) throw new Error("Nothing was sent");
    expect(request.headers["x-amz-security-token"]).toBe(temporary.sessionToken);
    expect(request.headers.authorization).toBe((await signedByAws(request, temporary)).authorization);
  });

  test("never uses a day's cached key for the next day, nor for other credentials", async () => {
    let at = midnight - 1;
    let current = credentials;
    const port = connect({ now: () => at, credentials: () => current });
    await port.send(connectionId, frame);
    at = midnight;
    await port.send(connectionId, frame);
    current = { accessKeyId: "ANOTHER", secretAccessKey: "secret" };
    await port.send(connectionId, frame);
    const expected = [
      [credentials, midnight - 1],
      [credentials, midnight],
      [current, midnight],
    ] as const;
    for (const [index, [given, when]] of expected.entries()) {
      const request = api.seen[index];
      if (!request) throw new Error("Not sent");
      expect(request.headers.authorization).toBe((await signedByAws(request, given, when)).authorization);
    }
  });
});
