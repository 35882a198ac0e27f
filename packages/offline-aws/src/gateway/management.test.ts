import http from "node:http";
import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { expect, test } from "vitest";
import { createAuthorize } from "../iam.js";
import { createGate, type GatewaySetup, ok, startGateway } from "./testing.js";

const UNKNOWN = "TXzPWdnOjoECGjA=";

const withClient = async (setup: GatewaySetup = {}) => {
  const started = await startGateway({
    functions: { $connect: ok, $disconnect: ok },
    ...setup,
  });
  const client = await started.connect();
  const { connectionId } = (await started.callsOf("$connect").next()).requestContext;
  return { ...started, client, connectionId };
};

const post = (sdk: ApiGatewayManagementApiClient, ConnectionId: string, Data: string | Uint8Array) =>
  sdk.send(new PostToConnectionCommand({ ConnectionId, Data }));

/** One request without the SDK: status, headers and body as they are on the wire. */
const raw = (port: number, method: string, path: string, body = "") =>
  new Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = http.request({ port, host: "127.0.0.1", method, path, agent: false }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: text }),
        );
      });
      request.on("error", reject);
      request.end(body);
    },
  );

test("1.5: a post arrives as one text frame, and is answered 200 with an empty body", async () => {
  const { client, connectionId, port } = await withClient();
  const kinds: boolean[] = [];
  client.socket.on("message", (_, isBinary) => kinds.push(isBinary));
  const path = `/prod/@connections/${encodeURIComponent(connectionId)}`;
  expect(path).toMatch(/%3D$/);
  expect(await raw(port, "POST", path, "grüezi")).toMatchObject({ status: 200, body: "" });
  expect(await client.messages.next()).toBe("grüezi");
  expect(kinds).toEqual([false]);
});

test("1.4: the server may push bytes: a post that is not UTF-8 arrives as a binary frame", async () => {
  const { client, connectionId, management } = await withClient();
  const frame = new Promise((resolve) => client.socket.once("message", (...args) => resolve(args)));
  await post(management(), connectionId, Uint8Array.of(0xff, 0xfe));
  expect(await frame).toEqual([Buffer.of(0xff, 0xfe), true]);
});

test("1.5: posts arrive in the order in which they were answered", async () => {
  const { client, connectionId, management } = await withClient();
  const sdk = management();
  for (const text of ["1", "2", "3"]) await post(sdk, connectionId, text);
  expect([await client.messages.next(), await client.messages.next(), await client.messages.next()]).toEqual([
    "1",
    "2",
    "3",
  ]);
});

test("1.5: a post of 128 KB passes and one byte more is PayloadTooLargeException 413", async () => {
  const { client, connectionId, management } = await withClient();
  await post(management(), connectionId, "x".repeat(131_072));
  expect(await client.messages.next()).toHaveLength(131_072);
  await expect(post(management(), connectionId, "x".repeat(131_073))).rejects.toMatchObject({
    name: "PayloadTooLargeException",
    $metadata: { httpStatusCode: 413 },
  });
});

test("1.5: GET describes the connection in ISO times", async () => {
  const { client, connectionId, management, callsOf, advance, port } = await withClient();
  const connectedAt = callsOf("$connect").all[0]?.requestContext.connectedAt;
  advance(60_000);
  await post(management(), connectionId, "tick");
  await client.messages.next();
  const described = await management().send(new GetConnectionCommand({ ConnectionId: connectionId }));
  expect(described.ConnectedAt?.getTime()).toBe(connectedAt);
  expect(described.LastActiveAt?.getTime()).toBeGreaterThanOrEqual(Number(connectedAt) + 60_000);
  expect(described.Identity?.SourceIp).toBe("127.0.0.1");
  const { body } = await raw(port, "GET", `/prod/@connections/${connectionId}`);
  expect(JSON.parse(body)).toEqual({
    connectedAt: new Date(Number(connectedAt)).toISOString(),
    identity: { sourceIp: "127.0.0.1" },
    lastActiveAt: described.LastActiveAt?.toISOString(),
  });
});

test("1.5: GET tells the user agent of a client that sent one", async () => {
  const { connect, callsOf, management } = await withClient();
  await connect({ headers: { "User-Agent": "browser/1" } });
  const ConnectionId = (await callsOf("$connect").next()).requestContext.connectionId;
  const { Identity } = await management().send(new GetConnectionCommand({ ConnectionId }));
  expect(Identity).toEqual({ SourceIp: "127.0.0.1", UserAgent: "browser/1" });
});

test("1.1: DELETE is a 204 and arrives as $disconnect 1000 Connection Closed Normally", async () => {
  const { client, connectionId, management, callsOf } = await withClient();
  const { $metadata } = await management().send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
  expect($metadata.httpStatusCode).toBe(204);
  expect(await client.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
  expect((await callsOf("$disconnect").next()).requestContext).toMatchObject({
    connectionId,
    disconnectStatusCode: 1000,
    disconnectReason: "Connection Closed Normally",
  });
});

test("1.5: after a DELETE was answered every request is a 410, even before the client has noticed", async () => {
  const { client, connectionId, management } = await withClient();
  client.socket.pause();
  const sdk = management();
  await sdk.send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
  const gone = { name: "GoneException", $metadata: { httpStatusCode: 410 } };
  await expect(post(sdk, connectionId, "x")).rejects.toMatchObject(gone);
  await expect(sdk.send(new GetConnectionCommand({ ConnectionId: connectionId }))).rejects.toMatchObject(
    gone,
  );
  await expect(sdk.send(new DeleteConnectionCommand({ ConnectionId: connectionId }))).rejects.toMatchObject(
    gone,
  );
});

test("1.5: an unknown id is a 410, whose x-amzn-errortype lets the SDK name GoneException", async () => {
  const { management, port } = await startGateway();
  const failure = post(management(), UNKNOWN, "x");
  await expect(failure).rejects.toBeInstanceOf(GoneException);
  await expect(failure).rejects.toMatchObject({ $metadata: { httpStatusCode: 410 } });
  const { status, headers } = await raw(port, "POST", `/prod/@connections/${encodeURIComponent(UNKNOWN)}`);
  expect([status, headers["x-amzn-errortype"]]).toEqual([410, "GoneException"]);
});

test("1.5: a closed id is a 410", async () => {
  const { client, connectionId, management, callsOf } = await withClient();
  client.socket.close();
  await callsOf("$disconnect").next();
  await expect(post(management(), connectionId, "x")).rejects.toBeInstanceOf(GoneException);
});

test("1.5: a post while $connect is still running is a 410", async () => {
  const gate = createGate<unknown>();
  const { connect, callsOf, management } = await startGateway({ functions: { $connect: () => gate.passed } });
  const connecting = connect();
  const { connectionId } = (await callsOf("$connect").next()).requestContext;
  await expect(post(management(), connectionId, "x")).rejects.toBeInstanceOf(GoneException);
  gate.open({ statusCode: 200 });
  const client = await connecting;
  await post(management(), connectionId, "now");
  expect(await client.messages.next()).toBe("now");
});

test.each(["not-an-id", "2f9f4ff0-0d0e-4a53-a5a6-0d6f1f1ff9cd", "%E0%A4%A", "TXzPWdnOjoECGjA", "%20"])(
  "1.5: the malformed id %s is a 400 BadRequestException",
  async (id) => {
    const { port } = await startGateway();
    const { status, headers } = await raw(port, "POST", `/prod/@connections/${id}`);
    expect([status, headers["x-amzn-errortype"]]).toEqual([400, "BadRequestException"]);
  },
);

test.each(["dev", "$default", ""])(
  "1.5: the wrong stage %j in the endpoint is a 403 ForbiddenException with a message",
  async (stage) => {
    const { connectionId, management } = await withClient();
    await expect(post(management({ stage }), connectionId, "x")).rejects.toMatchObject({
      name: "ForbiddenException",
      message: "The path must begin with this API's stage, /prod.",
      $metadata: { httpStatusCode: 403 },
    });
  },
);

test("1.5: SST's own stage $default is found in the path, encoded or not", async () => {
  const { connect, callsOf, management, port } = await startGateway({
    api: { stageName: "$default" },
    functions: { $connect: ok },
  });
  const client = await connect({ path: "/$default" });
  const { connectionId } = (await callsOf("$connect").next()).requestContext;
  await post(management({ stage: "$default" }), connectionId, "1");
  await raw(port, "POST", `/%24default/@connections/${connectionId}`, "2");
  expect([await client.messages.next(), await client.messages.next()]).toEqual(["1", "2"]);
});

test("1.5: a role without execute-api:ManageConnections is a 403 ForbiddenException", async () => {
  const arn = "arn:aws:execute-api:eu-central-1:000000000000:abc123";
  const principal = (resource: string) => ({
    arn: "arn:aws:sts::000000000000:assumed-role/role/function",
    statements: [{ actions: ["execute-api:ManageConnections"], resources: [resource] }],
  });
  const authorize = createAuthorize(
    new Map([
      ["SST", principal(`${arn}/*/*/@connections/*`)],
      ["GETTER", principal(`${arn}/prod/GET/@connections/*`)],
      ["STRANGER", principal("arn:aws:execute-api:eu-central-1:000000000000:other/*")],
    ]),
  );
  const { client, connectionId, management, port } = await withClient({ authorize });
  await post(management({ accessKeyId: "SST" }), connectionId, "allowed");
  expect(await client.messages.next()).toBe("allowed");
  const describe = new GetConnectionCommand({ ConnectionId: connectionId });
  await expect(management({ accessKeyId: "GETTER" }).send(describe)).resolves.toBeDefined();
  for (const accessKeyId of ["GETTER", "STRANGER"])
    await expect(post(management({ accessKeyId }), connectionId, "x")).rejects.toMatchObject({
      name: "ForbiddenException",
      message: expect.stringContaining("is not authorized to perform: execute-api:ManageConnections"),
    });
  expect((await raw(port, "POST", `/prod/@connections/${connectionId}`, "unsigned")).status).toBe(200);
  expect(await client.messages.next()).toBe("unsigned");
});

test("1.5: a client that does not read makes posts a 429 LimitExceededException", async () => {
  const { client, connectionId, management } = await withClient();
  client.socket.pause();
  const sdk = management();
  const flood = async () => {
    for (let posts = 0; posts < 1_000; posts += 1) await post(sdk, connectionId, "x".repeat(131_072));
  };
  await expect(flood()).rejects.toMatchObject({
    name: "LimitExceededException",
    $metadata: { httpStatusCode: 429 },
  });
  client.socket.resume();
  expect(await client.messages.next()).toHaveLength(131_072);
});

test("1.4: a server's post may be larger than a client's frame", async () => {
  const { client, connectionId, management } = await withClient();
  await post(management(), connectionId, "x".repeat(100_000));
  expect(await client.messages.next()).toHaveLength(100_000);
});

test("a method that @connections does not have is a 403", async () => {
  const { port, connectionId } = await withClient();
  expect((await raw(port, "PUT", `/prod/@connections/${connectionId}`)).status).toBe(403);
});

test.each([
  "/",
  "/prod",
  "/prod/sessions",
  "/prod/@connections",
  "/a/b/@connections/x",
  "/prod/@connections/a/b",
])("the path %s is left to others", async (path) => {
  const { port } = await startGateway();
  expect(await raw(port, "POST", path)).toMatchObject({ status: 404, body: "not the gateway's" });
});
