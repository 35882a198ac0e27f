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

test("two who ask at once on a fresh checkout get tokens of one key and one user, and nothing else on standard output", async () => {
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

  // What was evaluated is kept, so these take no time.
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

test("a stage without a pool of its own has nobody to sign for", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program("return {};") });
  const { code, stdout, stderr } = await runTool(["token", "alice"], { cwd });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("Stage local has no user pool of its own: sign in to the existing one.\n");
});

test("a token is of the pool that the program declares now", async () => {
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

test("what was kept of the pool is made anew when it is broken", async () => {
  const cwd = await temporaryProject({
    "sst.config.ts": program(withPool),
    ".sst/offline/client-local.json": '{"sources":[',
  });
  const { code, stdout } = await runTool(["token", "alice"], { cwd });
  expect(code).toBe(0);
  expect(decode(stdout.split(".")[1]).iss).toMatch(/us-east-1_/);
});
