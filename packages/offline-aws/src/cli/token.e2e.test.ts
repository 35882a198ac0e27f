import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { loadIssuer } from "../issuer.js";
import { program, runTool, temporaryProject } from "../testing.js";

const withPool = `
  const pool = new sst.aws.CognitoUserPool("Pool");
  return { client: pool.addClient("Client").id, pool: pool.id };
`;

const decode = (part = ""): Record<string, unknown> => JSON.parse(Buffer.from(part, "base64url").toString());

test("two commands at once in a fresh checkout sign with one key, and print nothing but the token", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program(withPool) });
  const results = await Promise.all([
    runTool(["token", "alice"], { cwd }),
    runTool(["token", "alice"], { cwd }),
  ]);
  const [key] = (await loadIssuer(cwd)).jwks.keys as (JsonWebKey & { kid: string })[];
  const publicKey = createPublicKey({ key: key ?? {}, format: "jwk" });
  const subjects = results.map(({ code, stdout }) => {
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const [header, payload, signature = ""] = stdout.trim().split(".");
    expect(decode(header).kid).toBe(key?.kid);
    const content = Buffer.from(`${header}.${payload}`);
    expect(verify("RSA-SHA256", content, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
    return decode(payload).sub;
  });
  expect(new Set(subjects).size).toBe(1);

  // The client is kept, so these evaluate nothing.
  const files = await readdir(path.join(cwd, ".sst/offline"));
  expect(files.sort()).toEqual(["client-local.json", "empty", "issuer-key.pem"]);
  const payloadOf = async (...args: string[]) =>
    decode((await runTool(["token", ...args], { cwd })).stdout.split(".")[1]);
  const [access, expired, id] = await Promise.all([
    payloadOf("alice"),
    payloadOf("alice", "--expires-in", "0"),
    payloadOf("alice", "--id"),
  ]);
  expect(access).toMatchObject({ sub: subjects[0], token_use: "access", username: "alice" });
  expect(Number(access.exp) - Number(access.iat)).toBe(3_600);
  expect(Number(expired.exp) * 1_000).toBeLessThanOrEqual(Date.now());
  expect(id).toMatchObject({ sub: subjects[0], token_use: "id", aud: access.client_id });
});

test("a stage without a user pool gets a sentence instead of a token", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") });
  const { code, stdout, stderr } = await runTool(["token", "alice"], { cwd });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain(
    "Stage local declares no user pool with an app client, so no token can be signed. Take a token from the service that the app uses.\n",
  );
});

test("a token belongs to the pool that the program declares now", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program(withPool) });
  const issuerNow = async () => {
    const { stdout } = await runTool(["token", "alice"], { cwd });
    return decode(stdout.split(".")[1]).iss;
  };
  const first = await issuerNow();
  expect(await issuerNow()).toBe(first);
  await writeFile(path.join(cwd, "sst.config.ts"), program(withPool.replace('"Pool"', '"Another"')));
  expect(await issuerNow()).not.toBe(first);
});

test("a broken file of the kept client is written again", async () => {
  const cwd = await temporaryProject({
    "sst.config.ts": program(withPool),
    ".sst/offline/client-local.json": '{"sources":[',
  });
  const { code, stdout } = await runTool(["token", "alice"], { cwd });
  expect(code).toBe(0);
  expect(decode(stdout.split(".")[1]).iss).toMatch(/us-east-1_/);
});
