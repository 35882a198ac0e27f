import { createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Issuer, loadIssuer, subjectOf } from "./issuer.js";
import { temporaryFolder } from "./testing.js";

const client = { userPoolId: "eu-west-1_Pool12345", clientId: "client1" };
const now = 1_795_421_778_401;

const decode = (part = ""): Record<string, unknown> => JSON.parse(Buffer.from(part, "base64url").toString());

let issuer: Issuer;
beforeAll(async () => {
  issuer = await loadIssuer(await temporaryFolder(afterAll));
});

/** Keys of a size that is generated quickly; a new one at each call. */
const smallKey = async () => generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;

test("an access token has Cognito's claims, and its key's signature", async () => {
  const token = issuer.token(client, { username: "alice", now });
  const [header, payload, signature = ""] = token.split(".");
  const [key] = issuer.jwks.keys as (JsonWebKey & { kid: string })[];
  expect(decode(header)).toEqual({ alg: "RS256", kid: key?.kid });
  expect(key).toMatchObject({ kty: "RSA", alg: "RS256", use: "sig" });
  expect(decode(payload)).toEqual({
    sub: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
    iss: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool12345",
    token_use: "access",
    client_id: "client1",
    scope: "aws.cognito.signin.user.admin",
    username: "alice",
    auth_time: 1_795_421_778,
    iat: 1_795_421_778,
    exp: 1_795_421_778 + 3_600,
  });
  const publicKey = createPublicKey({ key: key ?? {}, format: "jwk" });
  const content = Buffer.from(`${header}.${payload}`);
  expect(verify("RSA-SHA256", content, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
});

test("an ID token names its client as audience, and the user as Cognito does", async () => {
  const payload = decode(issuer.token(client, { username: "alice", use: "id", now }).split(".")[1]);
  expect(payload).toMatchObject({ token_use: "id", aud: "client1", "cognito:username": "alice" });
  expect(payload).not.toHaveProperty("client_id");
});

test("an ID token has the user's attributes, which cannot replace the pool's claims", async () => {
  const claims = { email: "alice@example.com", email_verified: true, token_use: "access" };
  const payload = decode(issuer.token(client, { username: "alice", use: "id", now, claims }).split(".")[1]);
  expect(payload).toMatchObject({ email: "alice@example.com", email_verified: true, token_use: "id" });
});

test("a given subject is kept", async () => {
  const subject = subjectOf("alice@example.com");
  const payload = decode(issuer.token(client, { username: subject, subject, now }).split(".")[1]);
  expect(payload).toMatchObject({ sub: subject, username: subject });
});

test("the same name is the same subject on every machine, another name another", async () => {
  const [here, there] = await Promise.all([
    loadIssuer(await temporaryFolder(), smallKey),
    loadIssuer(await temporaryFolder(), smallKey),
  ]);
  const subject = (issuer: typeof here, username: string) =>
    decode(issuer.token(client, { username, now }).split(".")[1]).sub;
  expect(subject(here, "alice")).toBe(subject(there, "alice"));
  expect(subject(here, "alice")).not.toBe(subject(here, "bob"));
  expect(here.jwks).not.toEqual(there.jwks);
});

test("a lifetime of 0 or less makes an expired token", async () => {
  for (const expiresIn of [0, -60]) {
    const { exp } = decode(issuer.token(client, { username: "alice", now, expiresIn }).split(".")[1]);
    expect(exp).toBe(1_795_421_778 + expiresIn);
  }
});

test("eight that create the key at once agree on one, and leave nothing else behind", async () => {
  const root = await temporaryFolder();
  const issuers = await Promise.all(Array.from({ length: 8 }, () => loadIssuer(root, smallKey)));
  expect(new Set(issuers.map(({ jwks }) => JSON.stringify(jwks))).size).toBe(1);
  const folder = path.join(root, ".sst/offline");
  expect(await readdir(folder)).toEqual(["issuer-key.pem"]);
  expect((await stat(path.join(folder, "issuer-key.pem"))).mode & 0o777).toBe(0o600);
});

test.each(["", "-----BEGIN PRIVATE KEY-----\nMIIE"])(
  "a key file without a key (%j) is replaced, by four at once with the same key",
  async (garbage) => {
    const root = await temporaryFolder();
    const folder = path.join(root, ".sst/offline");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "issuer-key.pem"), garbage);
    const issuers = await Promise.all(Array.from({ length: 4 }, () => loadIssuer(root, smallKey)));
    expect(new Set(issuers.map(({ jwks }) => JSON.stringify(jwks))).size).toBe(1);
    expect((await loadIssuer(root, smallKey)).jwks).toEqual(issuers[0]?.jwks);
    expect(await readdir(folder)).toEqual(["issuer-key.pem"]);
  },
);
