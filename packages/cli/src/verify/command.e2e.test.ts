import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Stack, UserError } from "offline-aws";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { perform } from "../terminal/command.js";
import { ended, run, start } from "../testing.js";
import { verify } from "./command.js";
import { checks } from "./suite.js";
import { broken, soundGraph, startFrom, startRecorder, subjectAt, withoutRoute } from "./testing.js";

let stack: Stack;

beforeAll(async () => {
  stack = await startFrom(await soundGraph());
});

afterAll(() => stack?.stop());

/** On a busy machine the command prints what it waits for. */
const withoutProgress = (stderr: string) =>
  stderr.replaceAll(/^(Still waiting: .*|Looking for the endpoint|Signing the speaker in)\n/gm, "");

test("a local stack needs only its address: one line for each check, and a verdict", async () => {
  const { code, stdout, stderr } = await ended(start(["verify", "--url", stack.webSocketUrl]));
  expect(withoutProgress(stderr)).toBe("");
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toBe(`Verifying ${stack.webSocketUrl}, stage local`);
  expect(lines).toHaveLength(2 + checks.length + 2);
  for (const [index, { name }] of checks.entries()) expect(lines[2 + index]).toContain(name);
  expect(lines[2]).toMatch(
    /^✓ passed {3}the endpoint answers a WebSocket handshake \(.+\): an unknown action is refused/,
  );
  expect(stdout).toMatch(/^– skipped {2}a connection is refreshed .+--refresh-minutes says so$/m);
  expect(lines.at(-1)).toMatch(/^13 passed, 0 failed, 1 skipped in \d+\.\d\d s$/);
  expect(stdout).not.toContain(String.fromCharCode(27));
  expect(stdout).not.toContain("eyJ");
  expect(code).toBe(0);
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
});

test("--json prints one object and nothing else", async () => {
  const { code, stdout, stderr } = await run(["verify", "--url", stack.webSocketUrl, "--json"]);
  expect(withoutProgress(stderr)).toBe("");
  expect(stdout.trim().split("\n")).toHaveLength(1);
  const { checks: results, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ ok: true, url: stack.webSocketUrl, stage: "local", tookMs: expect.any(Number) });
  expect(results.map(({ name }: { name: string }) => name)).toEqual(checks.map(({ name }) => name));
  expect(results[0]).toEqual({
    name: "the endpoint answers a WebSocket handshake",
    status: "passed",
    tookMs: expect.any(Number),
    seen: "an unknown action is refused with 400",
  });
  expect(code).toBe(0);
});

test("a failure is printed at once and again at the end, and the exit code is 1", async () => {
  const graph = broken(await soundGraph(), [withoutRoute("heartbeat")]);
  const without = await startFrom(graph);
  try {
    const { code, stdout } = await run(["verify", "--url", without.webSocketUrl]);
    const sentence = "The heartbeat got the error INVALID_ACTION: it went to $default";
    expect(stdout.split(sentence)).toHaveLength(3);
    expect(stdout).toMatch(/^✗ failed {3}a heartbeat is acknowledged \(.+\): The heartbeat got the error/m);
    expect(stdout).toMatch(
      /\n\n✗ a heartbeat is acknowledged\n {2}The heartbeat got the error .+\n\n12 passed, 1 failed, 1 skipped in /,
    );
    expect(code).toBe(1);

    const { stdout: json, code: again } = await run(["verify", "--url", without.webSocketUrl, "--json"]);
    expect(JSON.parse(json)).toMatchObject({ ok: false });
    expect(again).toBe(1);
  } finally {
    await without.stop();
  }
});

test("text that is not a token fails with the cause, and is not printed", async () => {
  const { code, stdout, stderr } = await run(["verify", "--url", stack.webSocketUrl, "--token", "nonsense"]);
  expect(stdout).toContain(
    "refused with 401: what was given for a token is not one of a user pool; correct --token",
  );
  expect(stdout + stderr).not.toContain("nonsense");
  expect(code).toBe(1);
});

test("the address may come from a deployment's outputs", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-verify-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, "outputs.json");
  const outputs = { ...stack.outputs, WebSocketAPIEndpoint: stack.webSocketUrl };
  await writeFile(file, JSON.stringify(outputs));
  const { code, stdout } = await run(["verify", "--outputs", file, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, url: stack.webSocketUrl });
  expect(code).toBe(0);
});

test("a temporary user speaks, and is deleted at the end of a run, also of an interrupted one", async () => {
  const recorder = await startRecorder(stack);
  onTestFinished(recorder.close);
  const operations = () => recorder.calls.map(({ operation }) => operation);
  const args = ["verify", "--url", recorder.webSocketUrl, "--temporary-user"];
  const { code, stdout, stderr } = await run([...args, "--json"]);
  expect(withoutProgress(stderr)).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  expect(code).toBe(0);
  const made = ["AdminCreateUser", "AdminSetUserPassword", "AdminInitiateAuth", "AdminDeleteUser"];
  expect(operations()).toEqual(made);

  recorder.calls.length = 0;
  const child = start(args);
  const end = ended(child);
  child.stdout?.on("data", (chunk) => {
    if (String(chunk).includes("a speaker creates a session")) child.kill("SIGINT");
  });
  const interrupted = await end;
  expect(interrupted).toMatchObject({ code: 130, stderr: expect.stringContaining("Interrupted: ") });
  expect(operations()).toEqual(made);
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
  const [sessionId = ""] = interrupted.stdout.match(/[a-z]+-[a-z]+-\d{3}(?= after)/) ?? [];
  const { operator } = await subjectAt(stack);
  expect(await operator.row("Sessions", sessionId)).toMatchObject({ isActive: false });
});

test("a temporary user is deleted also when the run is interrupted while the user is made", async () => {
  const recorder = await startRecorder(stack);
  onTestFinished(recorder.close);
  const child = start(["verify", "--url", recorder.webSocketUrl, "--temporary-user"]);
  const end = ended(child);
  await vi.waitFor(() => expect(recorder.calls).not.toEqual([]), { interval: 1, timeout: 20_000 });
  child.kill("SIGINT");
  expect(await end).toMatchObject({ code: 130, stderr: expect.stringContaining("Interrupted: ") });
  const [created, ...others] = recorder.calls;
  expect(created?.operation).toBe("AdminCreateUser");
  expect(others).toContainEqual({ operation: "AdminDeleteUser", username: created?.username });
});

test("the password of a user may be in the variable; a wrong one gives one sentence", async () => {
  const { AdminCreateUserCommand, AdminSetUserPasswordCommand, CognitoIdentityProviderClient } = await import(
    "@aws-sdk/client-cognito-identity-provider"
  );
  const { region, httpUrl, outputs } = stack;
  const credentials = { accessKeyId: "me", secretAccessKey: "me" };
  const client = new CognitoIdentityProviderClient({ region, endpoint: httpUrl, credentials });
  const user = { UserPoolId: String(outputs.UserPoolId), Username: "alice@example.com" };
  const Password = "Correct-horse-1";
  await client.send(new AdminCreateUserCommand({ ...user, MessageAction: "SUPPRESS" }));
  await client.send(new AdminSetUserPasswordCommand({ ...user, Password, Permanent: true }));

  const args = ["verify", "--url", stack.webSocketUrl, "--user", user.Username, "--json"];
  const { code, stdout } = await run(args, { env: { LECTERN_PASSWORD: Password } });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  expect(code).toBe(0);

  const wrong = await run([...args, "--password", "Wrong-horse-1"]);
  expect(wrong).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "The user pool does not let this user in (Incorrect username or password): correct --user or the password.\n",
  });
});

/** Runs the command in this process, for command lines that end before they reach anything. */
const refusalOf = async (given: Readonly<Record<string, string | true>>): Promise<string> => {
  const args = Object.entries(given).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, value],
  );
  const error: unknown = await perform(verify, args).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return error instanceof Error ? error.message : "";
};

const deployed = { url: "wss://live.example.com", region: "us-east-1" };

test.each([
  [{}, "Which endpoint?"],
  [{ token: "a", user: "b" }, "Who speaks? Give only one of --token, --user and --temporary-user."],
  [{ ...deployed }, "Who speaks at wss://live.example.com/? Give a token of its user pool (--token)"],
  [
    { ...deployed, user: "alice" },
    "The password of --user is missing: give it in the variable LECTERN_PASSWORD.",
  ],
  [
    { ...deployed, user: "alice", password: "x" },
    "Signing in needs the pool's app client: name it with --client-id",
  ],
  [
    { ...deployed, "temporary-user": true, "client-id": "x" },
    "--temporary-user needs the user pool: name it with --user-pool-id",
  ],
  [
    { ...deployed, token: "a", "refresh-minutes": "soon" },
    "--refresh-minutes takes a number of minutes more than 0",
  ],
  [
    { ...deployed, token: "a", "refresh-minutes": "0" },
    "--refresh-minutes takes a number of minutes more than 0",
  ],
] as const)("%j is answered with one sentence", async (given, sentence) => {
  vi.stubEnv("LECTERN_PASSWORD", undefined);
  expect(await refusalOf(given)).toContain(sentence);
  vi.unstubAllEnvs();
});

test("the help names every option", async () => {
  const { code, stdout, stderr } = await run(["verify", "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const option of Object.keys(verify.args ?? {})) expect(stdout).toContain(`--${option}`);
});
