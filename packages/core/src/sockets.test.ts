import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Sha256 } from "@aws-crypto/sha256-js";
import type { ServerFrame } from "@lectern/protocol";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSockets, SocketError, type SocketsOptions } from "./sockets.js";
import { midnight } from "./testing.js";

const frame: ServerFrame = { type: "heartbeatAck", timestamp: midnight };
/** As API Gateway makes them: they end in `=`. */
const connectionId = "TXzPWdnOjoECGjA=";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let seen: Seen[];
/** What the management API answers to each request in turn; the last one to all that follow. */
let answers: (number | "silence" | "cut" | { readonly status: number; readonly body: string })[];
let server: http.Server;
let endpoint: string;

beforeEach(async () => {
  seen = [];
  answers = [200];
  server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? 200;
    if (answer === "silence") return;
    if (answer === "cut") return request.socket.destroy();
    const { status, body: text } = typeof answer === "number" ? { status: answer, body: "" } : answer;
    response.writeHead(status).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "a secret of the tests",
};

const sockets = (options: Partial<SocketsOptions> = {}) =>
  createSockets({
    endpoint,
    region: "eu-central-1",
    credentials: () => credentials,
    now: () => midnight,
    ...options,
  });

/** The headers that AWS's own signer makes for the same request. */
const signedByAws = async (
  { method, url, headers, body }: Seen,
  given: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
  at = midnight,
) => {
  const signer = new SignatureV4({
    credentials: given,
    region: "eu-central-1",
    service: "execute-api",
    sha256: Sha256,
    applyChecksum: false,
  });
  const { hostname, port } = new URL(endpoint);
  const request = {
    method,
    protocol: "http:",
    hostname,
    port: Number(port),
    path: url,
    query: {},
    headers: { host: headers.host ?? "" },
    body,
  };
  return (await signer.sign(request, { signingDate: new Date(at) })).headers;
};

test.each([
  ["an id that ends in =", connectionId],
  ["an id of ordinary letters", "abc123"],
  ["an id that needs more escaping", "a+b/c=="],
])("each request for %s bears the signature of AWS's own signer", async (_, id) => {
  const port = sockets();
  answers = [{ status: 200, body: '{"lastActiveAt":"2026-01-01T00:00:00Z"}' }];
  await port.send(id, frame);
  await port.lastActiveAt(id);
  await port.close(id);
  expect(seen.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE"]);
  for (const request of seen) {
    expect(request.url).toBe(`/prod/@connections/${encodeURIComponent(id)}`);
    const { authorization, "x-amz-date": date } = await signedByAws(request, credentials);
    expect(request.headers.authorization).toBe(authorization);
    expect(request.headers["x-amz-date"]).toBe(date);
  }
  expect(seen.map(({ body }) => body)).toEqual([JSON.stringify(frame), "", ""]);
});

test("temporary credentials, as a function has them, are signed with their session token", async () => {
  const temporary = { ...credentials, sessionToken: "FwoGZXIvYXdzEBYaD+/=" };
  await sockets({ credentials: () => temporary }).send(connectionId, frame);
  const [request] = seen;
  if (!request) throw new Error("Nothing was sent");
  expect(request.headers["x-amz-security-token"]).toBe(temporary.sessionToken);
  expect(request.headers.authorization).toBe((await signedByAws(request, temporary)).authorization);
});

test("the cached key of a day is not used for the next one, nor for other credentials", async () => {
  let at = midnight - 1;
  let current = credentials;
  const port = sockets({ now: () => at, credentials: () => current });
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
    const request = seen[index];
    if (!request) throw new Error("Not sent");
    expect(request.headers.authorization).toBe((await signedByAws(request, given, when)).authorization);
  }
});

test("a frame that arrived is sent; 410 means gone, at the first try", async () => {
  expect(await sockets().send(connectionId, frame)).toBe("sent");
  answers = [410];
  expect(await sockets().send(connectionId, frame)).toBe("gone");
  expect(await sockets().lastActiveAt(connectionId)).toBe("gone");
  expect(seen).toHaveLength(3);
});

test("a socket that is gone already is as good as closed", async () => {
  answers = [204];
  await sockets().close(connectionId);
  answers = [410];
  await sockets().close(connectionId);
  expect(seen).toHaveLength(2);
});

test("when a socket was last active comes back in milliseconds", async () => {
  answers = [{ status: 200, body: '{"connectedAt":"x","lastActiveAt":"2026-01-01T00:00:01.500Z"}' }];
  expect(await sockets().lastActiveAt(connectionId)).toBe(midnight + 1500);
});

test.each([429, 500, 503, "cut" as const])(
  "rule 21: %s is tried again, three times at most",
  async (fault) => {
    answers = [fault, fault, 200];
    expect(await sockets().send(connectionId, frame)).toBe("sent");
    expect(seen).toHaveLength(3);
    seen = [];
    answers = [fault];
    const error = await sockets()
      .send(connectionId, frame)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SocketError);
    expect((error as SocketError).status).toBe(fault === "cut" ? undefined : fault);
    expect(seen).toHaveLength(3);
  },
);

test.each([400, 403, 413])("%i is our own mistake and not tried again", async (status) => {
  answers = [status];
  await expect(sockets().send(connectionId, frame)).rejects.toMatchObject({ name: "SocketError", status });
  expect(seen).toHaveLength(1);
});

test("rule 21: a management API that does not answer is given up after three tries of the time set", async () => {
  answers = ["silence"];
  await expect(sockets({ timeoutMs: 30 }).send(connectionId, frame)).rejects.toThrow(
    "POST @connections failed: no answer within 30 ms",
  );
  expect(seen).toHaveLength(3);
});

test("an error tells neither the connection's id nor the frame", async () => {
  answers = [403];
  const error = await sockets()
    .send(connectionId, { ...frame, type: "heartbeatAck" })
    .catch(String);
  expect(error).toBe("SocketError: POST @connections failed: status 403");
});

test("frames to the same API share kept-alive connections", async () => {
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const port = sockets();
  for (let sent = 0; sent < 5; sent += 1) await port.send(connectionId, frame);
  expect(connections).toBe(1);
});
