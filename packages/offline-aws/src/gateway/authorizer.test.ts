import { expect, test } from "vitest";
import { allow, createGate, echo, Failure, ok, startGateway, type TestFunction } from "./testing.js";

const arn = "arn:aws:execute-api:eu-central-1:000000000000:abc123/prod/$connect";

const policy = (...statements: [effect: string, resource: unknown, action?: unknown][]) => ({
  principalId: "user-1",
  policyDocument: {
    Version: "2012-10-17",
    Statement: statements.map(([Effect, Resource, Action = "execute-api:Invoke"]) => ({
      Effect,
      Resource,
      Action,
    })),
  },
});

const statusWith = async (authorizer: TestFunction) => {
  const { refused, callsOf } = await startGateway({ functions: { authorizer, $connect: ok } });
  const { status } = await refused();
  expect(callsOf("$connect").all).toEqual([]);
  return status;
};

test("1.3: the authorizer's event is a REQUEST with the methodArn of $connect", async () => {
  const { connect, callsOf } = await startGateway({ functions: { authorizer: () => allow(), $connect: ok } });
  await connect({ path: "/prod?token=t&lang=de&lang=fr", headers: { "X-Custom": "c" } });
  const event = await callsOf("authorizer").next();
  const { requestContext } = await callsOf("$connect").next();
  expect(event).toMatchObject({
    type: "REQUEST",
    methodArn: arn,
    headers: { "X-Custom": "c" },
    multiValueHeaders: { "X-Custom": ["c"] },
    queryStringParameters: { token: "t", lang: "fr" },
    multiValueQueryStringParameters: { token: ["t"], lang: ["de", "fr"] },
    stageVariables: {},
    requestContext: {
      routeKey: "$connect",
      eventType: "CONNECT",
      connectionId: requestContext.connectionId,
      connectedAt: requestContext.connectedAt,
    },
  });
  expect(event.requestContext).not.toHaveProperty("authorizer");
});

test("1.3: with no identity source the authorizer is always invoked", async () => {
  const { connect, callsOf } = await startGateway({ functions: { authorizer: () => allow() } });
  await connect();
  expect(callsOf("authorizer").all).toHaveLength(1);
});

test.each([
  ["/prod", {}],
  ["/prod?token=t", {}],
  ["/prod", { Authorization: "a" }],
  ["/prod?token=", { Authorization: "a" }],
  ["/prod?token=t", { Authorization: "" }],
])(
  "1.3: several identity sources must all be present, else 401 without invoking the authorizer (%s %j)",
  async (path, headers) => {
    const { refused, callsOf } = await startGateway({
      functions: { authorizer: () => allow() },
      identitySources: ["route.request.header.Authorization", "route.request.querystring.token"],
    });
    expect((await refused({ path, headers })).status).toBe(401);
    expect(callsOf("authorizer").all).toEqual([]);
  },
);

test("1.3: with all identity sources present the authorizer is invoked", async () => {
  const { connect, callsOf } = await startGateway({
    functions: { authorizer: () => allow() },
    identitySources: ["route.request.header.Authorization", "route.request.querystring.token"],
  });
  await connect({ path: "/prod?token=t", headers: { authorization: "a" } });
  expect(callsOf("authorizer").all).toHaveLength(1);
});

test("1.3: results are not cached, every connection asks again", async () => {
  const { connect, callsOf } = await startGateway({ functions: { authorizer: () => allow() } });
  await connect();
  await connect();
  expect(callsOf("authorizer").all).toHaveLength(2);
});

test("1.3: an authorizer on a $connect route without an integration is heeded", async () => {
  const { refused } = await startGateway({ functions: { authorizer: () => policy(["Deny", "*"]) } });
  expect((await refused()).status).toBe(403);
});

test('1.3: throwing Error("Unauthorized") is a 401', async () => {
  const unauthorized = () => {
    throw new Error("Unauthorized");
  };
  expect(await statusWith(unauthorized)).toBe(401);
});

test.each(["unauthorized", "Unauthorized: token expired", "broken"])(
  "1.3: throwing anything else (%s) is a 500",
  async (message) => {
    const broken = () => {
      throw new Error(message);
    };
    expect(await statusWith(broken)).toBe(500);
  },
);

test("1.3: an authorizer that times out or is throttled is a 500", async () => {
  const timedOut = () => {
    throw new Failure({ kind: "timed-out", afterSeconds: 3 });
  };
  const throttled = () => {
    throw new Failure({ kind: "throttled" });
  };
  expect(await statusWith(timedOut)).toBe(500);
  expect(await statusWith(throttled)).toBe(500);
});

test("1.6: an authorizer that takes longer than 10 s is a 500", async () => {
  const { refused, callsOf, advance } = await startGateway({
    functions: { authorizer: () => createGate().passed },
  });
  const refusal = refused();
  await callsOf("authorizer").next();
  advance(10_000);
  expect(await refusal).toMatchObject({ status: 500, reason: "the authorizer took longer than 10 s" });
});

test.each([
  ["a Deny", policy(["Deny", arn])],
  ["a Deny beside an Allow", policy(["Allow", "*"], ["Deny", arn])],
  ["a resource of another route", policy(["Allow", arn.replace("$connect", "$default")])],
  ["a resource of another stage", policy(["Allow", arn.replace("/prod/", "/dev/")])],
  ["another action", policy(["Allow", "*", "execute-api:ManageConnections"])],
  ["no statement at all", policy()],
])("1.3: %s is a 403", async (_, result) => {
  expect(await statusWith(() => result)).toBe(403);
});

test.each([
  ["the methodArn", arn],
  ["every route of the stage", arn.replace("$connect", "*")],
  ["one of several resources", ["arn:aws:execute-api:*:*:other/*", arn]],
])("1.3: a policy that allows %s lets the client in", async (_, resource) => {
  const { connect } = await startGateway({ functions: { authorizer: () => allow(undefined, resource) } });
  expect((await connect()).socket.readyState).toBe(1);
});

test.each([
  ["a proxy response", { statusCode: 401 }],
  ["a simple response of HTTP APIs", { isAuthorized: true }],
  ["nothing", undefined],
  ["a text", "Allow"],
  ["a policy without principalId", { policyDocument: policy(["Allow", "*"]).policyDocument }],
  ["a statement without Resource", policy(["Allow", undefined])],
  ["an unknown effect", policy(["Permit", "*"])],
])("1.3: an authorizer that returns %s is a 500", async (_, result) => {
  expect(await statusWith(() => result)).toBe(500);
});

test.each([[{ roles: ["a"] }], [{ user: { id: 1 } }], [{ user: null }]])(
  "1.3: the context %j, not string, number or boolean, is a 500",
  async (context) => {
    expect(await statusWith(() => allow(context))).toBe(500);
  },
);

test("1.6: a result of 8 KB passes and one byte more is a 500", async () => {
  const empty = JSON.stringify(allow({ pad: "" })).length;
  const ofSize = (bytes: number) => () => allow({ pad: "x".repeat(bytes - empty) });
  const { connect } = await startGateway({ functions: { authorizer: ofSize(8192) } });
  expect((await connect()).socket.readyState).toBe(1);
  expect(await statusWith(ofSize(8193))).toBe(500);
});

test("1.1: the context arrives as strings on CONNECT, every MESSAGE and DISCONNECT", async () => {
  const { connect, callsOf } = await startGateway({
    functions: {
      authorizer: () => allow({ userId: "alice", age: 42, admin: false }),
      $connect: ok,
      $default: echo,
      $disconnect: ok,
    },
    routeResponses: ["$default"],
  });
  const client = await connect();
  await client.ask("1");
  await client.ask("2");
  client.socket.close();
  const events = [
    await callsOf("$connect").next(),
    await callsOf("$default").next(),
    await callsOf("$default").next(),
    await callsOf("$disconnect").next(),
  ];
  for (const { requestContext } of events)
    expect(requestContext.authorizer).toEqual({
      userId: "alice",
      age: "42",
      admin: "false",
      principalId: "user-1",
      integrationLatency: expect.any(Number),
    });
});
