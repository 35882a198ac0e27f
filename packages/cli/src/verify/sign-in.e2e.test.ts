import {
  AdminCreateUserCommand,
  AdminGetUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
} from "@aws-sdk/client-cognito-identity-provider";
import { type Stack, startStack, UserError } from "offline-aws";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type AwsAccess, awsAt, awsIn } from "../aws.js";
import { type Pool, signIn, signInTemporarily } from "./sign-in.js";
import { broken, root, soundGraph, startFrom, startRecorder, withAuthFlows } from "./testing.js";
import { claimsOf } from "./token.js";

let stack: Stack;
/** A stack whose app client allows no sign-in by password. */
let strict: Stack;
let access: AwsAccess;
let pool: Pool;
let functionKey = "";

const poolOf = ({ outputs }: Stack): Pool => ({
  userPoolId: String(outputs.UserPoolId),
  clientId: String(outputs.UserPoolClientId),
});

beforeAll(async () => {
  const graph = await soundGraph();
  stack = await startStack({
    root,
    graph,
    schedules: false,
    observer: {
      onRequest: ({ accessKeyId = "" }) => {
        functionKey = accessKeyId;
      },
    },
  });
  strict = await startFrom(broken(graph, [withAuthFlows("ALLOW_USER_SRP_AUTH")]));
  access = awsAt(stack);
  pool = poolOf(stack);
});

afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  await stack?.stop();
  await strict?.stop();
});

const cognito = () => new CognitoIdentityProviderClient(access.client);

const password = "Correct-horse-1";

/** Makes a user as an operator does; resolves to the name. */
const makeUser = async (
  username: string,
  { permanent }: { readonly permanent: boolean },
): Promise<string> => {
  const user = { UserPoolId: pool.userPoolId, Username: username };
  await cognito().send(new AdminCreateUserCommand({ ...user, MessageAction: "SUPPRESS" }));
  const set = new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: permanent });
  await cognito().send(set);
  return username;
};

const sentenceOf = async (signing: Promise<unknown>): Promise<string> => {
  const error: unknown = await signing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error instanceof Error ? error.message : "";
};

/** A command's scope that ends when the test says so. */
const lifetime = () => {
  const ends: (() => unknown)[] = [];
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  return {
    said,
    surroundings: { scope: { defer: (end: () => unknown) => void ends.push(end) }, say },
    ends,
    end: async () => {
      for (const end of ends.splice(0)) await end();
    },
  };
};

test("a user signs in by password, and gets the pool's access token", async () => {
  const username = await makeUser("alice@example.com", { permanent: true });
  const token = await signIn(access, pool, { username, password });
  expect(claimsOf(token)).toMatchObject({
    client_id: pool.clientId,
    iss: expect.stringContaining(pool.userPoolId),
  });
});

test("a wrong password and an unknown user give the same sentence", async () => {
  const username = await makeUser("bob@example.com", { permanent: true });
  const sentence =
    "The user pool does not let this user in (Incorrect username or password): correct --user or the password.";
  expect(await sentenceOf(signIn(access, pool, { username, password: "Wrong-horse-1" }))).toBe(sentence);
  expect(await sentenceOf(signIn(access, pool, { username: "eve@example.com", password }))).toBe(sentence);
});

test("a user who must choose a password first", async () => {
  const username = await makeUser("carol@example.com", { permanent: false });
  expect(await sentenceOf(signIn(access, pool, { username, password }))).toBe(
    "This user must choose a new password before the first sign-in: sign in once with a client, or use --temporary-user.",
  );
});

test("a stage without password sign-in: the setting and --temporary-user are named", async () => {
  const user = { username: "alice@example.com", password };
  expect(await sentenceOf(signIn(awsAt(strict), poolOf(strict), user))).toBe(
    "This stage does not let users sign in by password alone: set passwordSignIn in infra/deployments.ts and deploy, or use --temporary-user with AWS credentials.",
  );
});

test("a pool or client that does not exist", async () => {
  const sentence =
    "There is no such user pool or app client in this region: correct --user-pool-id, --client-id or --region.";
  const { surroundings, end } = lifetime();
  const nobody = { username: "alice@example.com", password };
  expect(await sentenceOf(signIn(access, { clientId: "none" }, nobody))).toBe(sentence);
  const nowhere = { ...pool, userPoolId: "us-east-1_None" };
  expect(await sentenceOf(signInTemporarily(access, nowhere, surroundings))).toBe(sentence);
  await end();
});

test("a temporary user gets a token, and is deleted at the end", async () => {
  const { surroundings, said, end } = lifetime();
  const token = await signInTemporarily(access, pool, surroundings);
  const { sub, client_id } = claimsOf(token);
  expect(client_id).toBe(pool.clientId);
  const look = () =>
    cognito().send(new AdminGetUserCommand({ UserPoolId: pool.userPoolId, Username: sub ?? "" }));
  expect(await look()).toMatchObject({
    UserStatus: "CONFIRMED",
    UserAttributes: expect.arrayContaining([
      { Name: "email", Value: expect.stringMatching(/^verify-[0-9a-f]{16}@example\.com$/) },
    ]),
  });
  await end();
  await expect(look()).rejects.toMatchObject({ name: "UserNotFoundException" });
  expect(said).toEqual([]);
});

test("a temporary user is deleted also when the sign-in fails or is interrupted", async () => {
  const recorder = await startRecorder(stack);
  const recorded = awsAt({ ...stack, httpUrl: recorder.url });
  try {
    const failing = lifetime();
    const nowhere = { ...pool, clientId: "none" };
    await sentenceOf(signInTemporarily(recorded, nowhere, failing.surroundings));
    await failing.end();
    expect(recorder.calls.map(({ operation }) => operation)).toEqual([
      "AdminCreateUser",
      "AdminSetUserPassword",
      "AdminInitiateAuth",
      "AdminDeleteUser",
    ]);
    expect(new Set(recorder.calls.map(({ username }) => username ?? recorder.calls[0]?.username)).size).toBe(
      1,
    );

    recorder.calls.length = 0;
    const interrupted = lifetime();
    const signing = sentenceOf(signInTemporarily(recorded, pool, interrupted.surroundings));
    await vi.waitFor(() => expect(interrupted.ends).toHaveLength(1), { interval: 1 });
    await interrupted.end();
    const [created, ...others] = recorder.calls;
    expect(created?.operation).toBe("AdminCreateUser");
    expect(others).toContainEqual({ operation: "AdminDeleteUser", username: created?.username });
    await signing;
  } finally {
    recorder.close();
  }
});

test("a temporary user who cannot be deleted is named, with the command that does it", async () => {
  const { surroundings, said, end } = lifetime();
  const token = await signInTemporarily(access, pool, surroundings);
  const { sub = "" } = claimsOf(token);
  const { AdminDeleteUserCommand } = await import("@aws-sdk/client-cognito-identity-provider");
  await cognito().send(new AdminDeleteUserCommand({ UserPoolId: pool.userPoolId, Username: sub }));
  await end();
  expect(said).toEqual([
    expect.stringMatching(
      /^The temporary user verify-\w+@example\.com is still there \(UserNotFoundException\): delete it with aws cognito-idp admin-delete-user --user-pool-id us-east-1_\w+ --username verify-\w+@example\.com\.$/,
    ),
  ]);
});

test("an app client that does not let administrators sign users in", async () => {
  const { surroundings, end } = lifetime();
  expect(await sentenceOf(signInTemporarily(awsAt(strict), poolOf(strict), surroundings))).toContain(
    "allow ADMIN_USER_PASSWORD_AUTH on it",
  );
  await end();
});

test("credentials that may not make users", async () => {
  await stack.invoke("session-reaper-local", {});
  expect(stack.functionOf(functionKey)).toBe("session-reaper-local");
  const credentials = { accessKeyId: functionKey, secretAccessKey: "offline" };
  const { surroundings, end } = lifetime();
  const weak = { ...access, client: { ...access.client, credentials } };
  expect(await sentenceOf(signInTemporarily(weak, pool, surroundings))).toBe(
    "The AWS credentials may not do cognito-idp:AdminCreateUser on the pool: grant it, or bring a token (--token) or a user (--user).",
  );
  await end();
});

test("only a temporary user needs AWS credentials", async () => {
  const none = {
    AWS_ENDPOINT_URL: stack.httpUrl,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/nowhere",
    AWS_SHARED_CREDENTIALS_FILE: "/nowhere",
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_PROFILE: undefined,
  };
  for (const [name, value] of Object.entries(none)) vi.stubEnv(name, value);
  const username = await makeUser("dave@example.com", { permanent: true });
  const usual = awsIn("us-east-1");
  expect(claimsOf(await signIn(usual, pool, { username, password })).client_id).toBe(pool.clientId);
  const { surroundings, end } = lifetime();
  expect(await sentenceOf(signInTemporarily(usual, pool, surroundings))).toContain(
    "There are no AWS credentials, or they cannot be used: sign in (aws sso login), or name a profile with AWS_PROFILE; or bring a token",
  );
  await end();
});
