import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const pool = "us-east-1_AbCdEf123";
const client = "client";
const keys = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const jwks = JSON.stringify({
  keys: [{ ...keys.publicKey.export({ format: "jwk" }), kid: "known", alg: "RS256", use: "sig" }],
});

const tokenOf = (kid = "known", claims: Record<string, unknown> = {}): string => {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: `https://cognito-idp.us-east-1.amazonaws.com/${pool}`,
    sub: "alice",
    token_use: "access",
    client_id: client,
    iat: now,
    exp: now + 3_600,
    ...claims,
  };
  const text = [{ alg: "RS256", kid }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(keys.privateKey, "base64url")}`;
};

const good = (response: ServerResponse): void => {
  response.end(jwks);
};

/** The token service's answers, in turn; the last one is repeated. */
let answers: ((response: ServerResponse) => void)[] = [];
let asked = 0;
const server = createServer((_, response) => {
  asked += 1;
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer?.(response);
});

beforeEach(async () => {
  vi.resetModules();
  asked = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  vi.stubEnv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", `http://127.0.0.1:${address.port}`);
  vi.stubEnv("USER_POOL_ID", pool);
  vi.stubEnv("CLIENT_ID", client);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Verifies as a new environment does, without cached keys. */
const verify = async (token: string) => (await import("./token.js")).verify(token);

test("rule 19: a good token is its user's", async () => {
  answers = [good];
  expect(await verify(tokenOf())).toEqual({ valid: true, userId: "alice" });
});

test.each<[string, (response: ServerResponse) => void]>([
  [
    "cuts its answer off midway",
    (response) => response.writeHead(200, { "content-length": 9_999 }).write(jwks),
  ],
  ["hangs up", (response) => response.destroy()],
  ["answers with a page", (response) => response.end("<html>Sorry</html>")],
  ["answers with 503", (response) => response.writeHead(503).end()],
  ["answers without keys", (response) => response.end("{}")],
  ["answers with no key", (response) => response.end('{"keys":[]}')],
])("rule 21: where the token service %s, a token is not called a bad one", async (_, answer) => {
  answers = [
    (response) => {
      answer(response);
      // Ends the connection only after the written bytes were sent.
      setImmediate(() => response.socket?.end());
    },
  ];
  expect(await verify(tokenOf())).toMatchObject({ valid: false, code: "SERVICE_UNAVAILABLE" });
});

test("rule 21: keys that could not be had at the first try are asked for once more", async () => {
  answers = [(response) => response.writeHead(503).end()];
  expect(await verify(tokenOf())).toMatchObject({ valid: false, code: "SERVICE_UNAVAILABLE" });
  // Two tries each by the starting environment and by the token, unless both share one request.
  expect([2, 4]).toContain(asked);
  answers = [good];
  expect(await verify(tokenOf())).toMatchObject({ valid: true });
});

test("rule 19: tokens with unknown key ids are bad ones, also while no keys are fetched for them", async () => {
  answers = [good];
  for (const kid of ["made up", "made up", "also made up"]) {
    expect(await verify(tokenOf(kid))).toMatchObject({ valid: false, code: "UNAUTHORIZED" });
  }
  // One by the starting environment, one for the first unknown key id.
  expect(asked).toBeLessThanOrEqual(2);
  expect(await verify(tokenOf())).toMatchObject({ valid: true });
});

test("rule 21: an unknown key id while the token service is down is not called a bad token", async () => {
  answers = [good];
  expect(await verify(tokenOf())).toMatchObject({ valid: true });
  answers = [(response) => response.writeHead(503).end()];
  expect(await verify(tokenOf("rotated in"))).toMatchObject({ valid: false, code: "SERVICE_UNAVAILABLE" });
});

test.each([
  [
    "of another pool",
    { iss: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other1234" },
    "UNAUTHORIZED",
  ],
  ["of another client", { client_id: "other" }, "UNAUTHORIZED"],
  ["of no use that is known", { token_use: "refresh" }, "UNAUTHORIZED"],
  ["that has expired", { exp: 1 }, "TOKEN_EXPIRED"],
])("rule 19: a token %s is refused", async (_, claims, code) => {
  answers = [good];
  expect(await verify(tokenOf("known", claims))).toMatchObject({ valid: false, code });
});
