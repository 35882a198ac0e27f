import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import {
  AdminCreateUserCommand,
  type AdminCreateUserCommandInput,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminInitiateAuthCommand,
  AdminSetUserPasswordCommand,
  type AuthFlowType,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { clientOptionsOf, resource, type SmallStack, startSmallStack, whoAmI } from "./testing.js";

const UserPoolId = "us-east-1_Speakers1";
const namesPoolId = "us-east-1_Names1";
const poolArn = `arn:aws:cognito-idp:us-east-1:000000000000:userpool/${UserPoolId}`;

const appClient = (id: string, userPoolId: string, explicitAuthFlows: string[], errors = "ENABLED") =>
  resource("aws:cognito/userPoolClient:UserPoolClient", id, {
    userPoolId,
    explicitAuthFlows,
    preventUserExistenceErrors: errors,
  });

const passwords = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];

let small: SmallStack;
let client: CognitoIdentityProviderClient;

beforeAll(async () => {
  small = await startSmallStack(
    {
      permitted: {
        code: whoAmI,
        statements: [{ Action: ["cognito-idp:AdminGetUser"], Resource: [poolArn] }],
      },
      barred: { code: whoAmI },
    },
    [
      resource("aws:cognito/userPool:UserPool", UserPoolId, {
        usernameAttributes: ["email"],
        usernameConfiguration: { caseSensitive: false },
      }),
      resource("aws:cognito/userPool:UserPool", namesPoolId, {}),
      appClient("app", UserPoolId, passwords),
      appClient("second-app", UserPoolId, passwords),
      appClient("srp-app", UserPoolId, ["ALLOW_USER_SRP_AUTH"]),
      appClient("names-app", namesPoolId, passwords, "LEGACY"),
    ],
  );
  client = new CognitoIdentityProviderClient(small.client);
});

afterAll(async () => {
  client?.destroy();
  await small?.stop();
});

let users = 0;

/** An address that no other test has. */
const freshAddress = () => {
  users += 1;
  return `user${users}@example.com`;
};

const create = (Username: string, input: Partial<AdminCreateUserCommandInput> = {}) =>
  client.send(new AdminCreateUserCommand({ UserPoolId, Username, MessageAction: "SUPPRESS", ...input }));

const setPassword = (Username: string, Password: string, Permanent = true) =>
  client.send(new AdminSetUserPasswordCommand({ UserPoolId, Username, Password, Permanent }));

/** A user who can sign in with `Correct-1`. */
const createUser = async (Username = freshAddress()) => {
  await create(Username);
  await setPassword(Username, "Correct-1");
  return Username;
};

const signIn = (USERNAME: string, PASSWORD = "Correct-1", ClientId = "app") =>
  client.send(
    new InitiateAuthCommand({
      AuthFlow: "USER_PASSWORD_AUTH",
      ClientId,
      AuthParameters: { USERNAME, PASSWORD },
    }),
  );

const adminSignIn = (
  USERNAME: string,
  { ClientId = "app", AuthFlow = "ADMIN_USER_PASSWORD_AUTH" as AuthFlowType, poolId = UserPoolId } = {},
) =>
  client.send(
    new AdminInitiateAuthCommand({
      UserPoolId: poolId,
      ClientId,
      AuthFlow,
      AuthParameters: { USERNAME, PASSWORD: "Correct-1" },
    }),
  );

const refresh = (REFRESH_TOKEN: string, ClientId = "app") =>
  client.send(
    new InitiateAuthCommand({
      AuthFlow: "REFRESH_TOKEN_AUTH",
      ClientId,
      AuthParameters: { REFRESH_TOKEN },
    }),
  );

const getUser = (Username: string, as = client) => as.send(new AdminGetUserCommand({ UserPoolId, Username }));

const clientOf = async (functionName: string) => {
  const own = new CognitoIdentityProviderClient(await clientOptionsOf(small.stack, functionName));
  onTestFinished(() => own.destroy());
  return own;
};

const claimsOf = (token = ""): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

const wrong = { name: "NotAuthorizedException", message: "Incorrect username or password." };

describe("AdminCreateUser", () => {
  test("creates a user whose username is the subject, with the address as an attribute", async () => {
    const Username = freshAddress();
    const { User } = await create(Username, {
      TemporaryPassword: "Given-123",
      UserAttributes: [{ Name: "email_verified", Value: "true" }],
    });
    const sub = claimsOf(small.stack.token({ username: Username })).sub;
    expect(User).toEqual({
      Username: sub,
      Attributes: [
        { Name: "email", Value: Username },
        { Name: "email_verified", Value: "true" },
        { Name: "sub", Value: sub },
      ],
      Enabled: true,
      UserStatus: "FORCE_CHANGE_PASSWORD",
      UserCreateDate: expect.any(Date),
      UserLastModifiedDate: expect.any(Date),
    });
    const age = small.stack.clock.now() - Number(User?.UserCreateDate);
    expect(Math.abs(age)).toBeLessThan(60_000);
  });

  test("keeps the username in a pool that does not sign in by address", async () => {
    const { User } = await create("alice", { UserPoolId: namesPoolId });
    expect(User?.Username).toBe("alice");
    expect(User?.Attributes).toEqual([{ Name: "sub", Value: expect.any(String) }]);
  });

  test("refuses a taken name, in either case if the pool ignores case", async () => {
    const Username = await createUser();
    for (const taken of [Username, Username.toUpperCase()])
      await expect(create(taken)).rejects.toMatchObject({
        name: "UsernameExistsException",
        message: "User account already exists",
        $metadata: { httpStatusCode: 400 },
      });
  });

  test("refuses a name that is not an address in a pool of addresses", async () => {
    for (const name of ["alice", "alice@", "alice@example", "a lice@example.com"])
      await expect(create(name)).rejects.toMatchObject({
        name: "InvalidParameterException",
        message: "Username should be an email.",
      });
  });

  test("refuses a temporary password that breaks the policy, and creates no user", async () => {
    const Username = freshAddress();
    await expect(create(Username, { TemporaryPassword: "Given-abc" })).rejects.toMatchObject({
      name: "InvalidPasswordException",
      message: "Password did not conform with password policy: Password must have numeric characters",
    });
    await expect(getUser(Username)).rejects.toMatchObject({ name: "UserNotFoundException" });
  });

  test("sets another temporary password when the message is resent", async () => {
    const Username = freshAddress();
    await create(Username, { TemporaryPassword: "Given-123" });
    await create(Username, { TemporaryPassword: "Given-456", MessageAction: "RESEND" });
    await expect(signIn(Username, "Given-123")).rejects.toMatchObject(wrong);
    expect((await signIn(Username, "Given-456")).ChallengeName).toBe("NEW_PASSWORD_REQUIRED");
  });

  test("refuses to resend to an unknown user, and to one who has chosen a password", async () => {
    await expect(create(freshAddress(), { MessageAction: "RESEND" })).rejects.toMatchObject({
      name: "UserNotFoundException",
    });
    await expect(create(await createUser(), { MessageAction: "RESEND" })).rejects.toMatchObject({
      name: "UnsupportedUserStateException",
    });
  });
});

describe("AdminSetUserPassword", () => {
  test("with a permanent password confirms the user", async () => {
    const Username = await createUser();
    expect((await getUser(Username)).UserStatus).toBe("CONFIRMED");
    expect((await signIn(Username)).AuthenticationResult).toBeDefined();
  });

  test("with a temporary password makes the user choose another", async () => {
    const Username = await createUser();
    await setPassword(Username, "Given-123", false);
    expect((await getUser(Username)).UserStatus).toBe("FORCE_CHANGE_PASSWORD");
    expect((await signIn(Username, "Given-123")).ChallengeName).toBe("NEW_PASSWORD_REQUIRED");
  });

  test("refuses a password that breaks the policy, and the old one stays valid", async () => {
    const Username = await createUser();
    await expect(setPassword(Username, "Short-1")).rejects.toMatchObject({
      name: "InvalidPasswordException",
      message: "Password did not conform with policy: Password not long enough",
    });
    expect((await signIn(Username)).AuthenticationResult).toBeDefined();
  });

  test("refuses a password with a space at its end, without repeating it", async () => {
    const refused = setPassword(await createUser(), "Correct-1 ");
    await expect(refused).rejects.toMatchObject({ name: "InvalidParameterException" });
    await expect(refused).rejects.not.toThrow(/Correct/);
  });

  test("of an unknown user is refused", async () => {
    await expect(setPassword(freshAddress(), "Correct-1")).rejects.toMatchObject({
      name: "UserNotFoundException",
      message: "User does not exist.",
    });
  });
});

test("AdminGetUser finds a user by address and by subject", async () => {
  const address = await createUser();
  const { Username, UserAttributes } = await getUser(address);
  expect(UserAttributes).toContainEqual({ Name: "email", Value: address });
  expect((await getUser(Username ?? "")).Username).toBe(Username);
  expect((await getUser(address.toUpperCase())).Username).toBe(Username);
});

test("a disabled user cannot sign in until enabled again", async () => {
  const Username = await createUser();
  const { AuthenticationResult } = await signIn(Username);
  const refused = { name: "NotAuthorizedException", message: "User is disabled." };
  await client.send(new AdminDisableUserCommand({ UserPoolId, Username }));
  expect((await getUser(Username)).Enabled).toBe(false);
  await expect(signIn(Username)).rejects.toMatchObject(refused);
  await expect(signIn(Username, "Mistaken-1")).rejects.toMatchObject(wrong);
  await expect(refresh(AuthenticationResult?.RefreshToken ?? "")).rejects.toMatchObject(refused);
  await client.send(new AdminEnableUserCommand({ UserPoolId, Username }));
  expect((await signIn(Username)).AuthenticationResult).toBeDefined();
});

test("a deleted user is gone, and the name is free again", async () => {
  const Username = await createUser();
  const { AuthenticationResult } = await signIn(Username);
  await client.send(new AdminDeleteUserCommand({ UserPoolId, Username }));
  await expect(getUser(Username)).rejects.toMatchObject({ name: "UserNotFoundException" });
  await expect(signIn(Username)).rejects.toMatchObject(wrong);
  await expect(refresh(AuthenticationResult?.RefreshToken ?? "")).rejects.toMatchObject({
    name: "NotAuthorizedException",
    message: "Invalid Refresh Token",
  });
  await expect(client.send(new AdminDeleteUserCommand({ UserPoolId, Username }))).rejects.toMatchObject({
    name: "UserNotFoundException",
  });
  expect((await create(Username)).User?.UserStatus).toBe("FORCE_CHANGE_PASSWORD");
});

describe("a sign-in by password", () => {
  test("brings tokens for an hour", async () => {
    const { AuthenticationResult, ChallengeName } = await signIn(await createUser());
    expect(ChallengeName).toBeUndefined();
    expect(AuthenticationResult).toEqual({
      AccessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      IdToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      RefreshToken: expect.stringMatching(/^[\w-]+$/),
      ExpiresIn: 3_600,
      TokenType: "Bearer",
    });
  });

  test("brings tokens that the pool's keys verify", async () => {
    const { AuthenticationResult } = await signIn(await createUser());
    const response = await fetch(`${small.client.endpoint}/${UserPoolId}/.well-known/jwks.json`);
    const { keys } = (await response.json()) as { keys: [JsonWebKey] };
    const key = createPublicKey({ key: keys[0], format: "jwk" });
    for (const token of [AuthenticationResult?.AccessToken, AuthenticationResult?.IdToken]) {
      const [header, payload, signature = ""] = token?.split(".") ?? [];
      const signed = Buffer.from(`${header}.${payload}`);
      expect(verify("RSA-SHA256", signed, key, Buffer.from(signature, "base64url"))).toBe(true);
    }
  });

  test("brings an access token of the same user as a token made for that name", async () => {
    const Username = await createUser();
    const { AuthenticationResult } = await signIn(Username);
    const { Username: sub } = await getUser(Username);
    expect(claimsOf(AuthenticationResult?.AccessToken)).toMatchObject({
      sub,
      username: sub,
      client_id: "app",
      token_use: "access",
      iss: `https://cognito-idp.us-east-1.amazonaws.com/${UserPoolId}`,
    });
    expect(claimsOf(small.stack.token({ username: Username })).sub).toBe(sub);
  });

  test("brings an ID token with the user's attributes", async () => {
    const Username = freshAddress();
    await create(Username, { UserAttributes: [{ Name: "email_verified", Value: "true" }] });
    await setPassword(Username, "Correct-1");
    const { AuthenticationResult } = await signIn(Username);
    expect(claimsOf(AuthenticationResult?.IdToken)).toMatchObject({
      aud: "app",
      token_use: "id",
      email: Username,
      email_verified: true,
    });
    expect(claimsOf(AuthenticationResult?.AccessToken)).not.toHaveProperty("email");
  });

  test("answers alike for a wrong password and an unknown user if the client says so", async () => {
    await expect(signIn(await createUser(), "Mistaken-1")).rejects.toMatchObject(wrong);
    await expect(signIn(freshAddress())).rejects.toMatchObject(wrong);
    await expect(signIn("no-address")).rejects.toMatchObject(wrong);
  });

  test("reports an unknown user otherwise", async () => {
    await expect(signIn("nobody", "Correct-1", "names-app")).rejects.toMatchObject({
      name: "UserNotFoundException",
      message: "User does not exist.",
    });
  });

  test("finds only users of its client's pool", async () => {
    const Username = await createUser();
    await expect(signIn(Username, "Correct-1", "names-app")).rejects.toMatchObject({
      name: "UserNotFoundException",
    });
  });

  test("is refused by a client that does not allow the flow", async () => {
    const Username = await createUser();
    await expect(signIn(Username, "Correct-1", "srp-app")).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "USER_PASSWORD_AUTH flow not enabled for this client",
    });
    await expect(adminSignIn(Username, { ClientId: "srp-app" })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "Auth flow not enabled for this client",
    });
  });

  test("by a flow that is not emulated is refused with a sentence", async () => {
    const command = new InitiateAuthCommand({
      AuthFlow: "USER_SRP_AUTH",
      ClientId: "srp-app",
      AuthParameters: { USERNAME: "a", SRP_A: "1" },
    });
    await expect(client.send(command)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "The local stack's Cognito signs in by password and by refresh token, not by USER_SRP_AUTH.",
    });
  });

  test("of an unknown client is refused", async () => {
    await expect(signIn("a@example.com", "Correct-1", "nobody")).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "User pool client nobody does not exist.",
    });
  });

  test("without a name or a password is refused", async () => {
    for (const [name, AuthParameters] of [
      ["USERNAME", { PASSWORD: "Correct-1" }],
      ["PASSWORD", { USERNAME: "a@example.com" }],
    ] as const) {
      const command = new InitiateAuthCommand({
        AuthFlow: "USER_PASSWORD_AUTH",
        ClientId: "app",
        AuthParameters,
      });
      await expect(client.send(command)).rejects.toMatchObject({
        name: "InvalidParameterException",
        message: `Missing required parameter ${name}`,
      });
    }
  });

  test("needs no credentials", async () => {
    const response = await fetch(small.client.endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
      },
      body: JSON.stringify({
        AuthFlow: "USER_PASSWORD_AUTH",
        ClientId: "app",
        AuthParameters: { USERNAME: await createUser(), PASSWORD: "Correct-1" },
      }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toHaveProperty("AuthenticationResult.AccessToken");
  });
});

describe("AdminInitiateAuth", () => {
  test("brings tokens to an operator", async () => {
    const { AuthenticationResult } = await adminSignIn(await createUser());
    expect(claimsOf(AuthenticationResult?.AccessToken)).toMatchObject({ client_id: "app" });
  });

  test("refuses a client of another pool", async () => {
    await expect(adminSignIn("a@example.com", { ClientId: "names-app" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "User pool client names-app does not exist.",
    });
  });

  test("is the only operation for the administrators' flow", async () => {
    const command = new InitiateAuthCommand({
      AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
      ClientId: "app",
      AuthParameters: { USERNAME: await createUser(), PASSWORD: "Correct-1" },
    });
    await expect(client.send(command)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "Initiate Auth method not supported.",
    });
  });
});

describe("a temporary password", () => {
  const challenged = async () => {
    const Username = freshAddress();
    await create(Username, { TemporaryPassword: "Given-123" });
    return { Username, ...(await signIn(Username, "Given-123")) };
  };
  const answer = (USERNAME: string, NEW_PASSWORD: string, Session?: string, ClientId = "app") =>
    client.send(
      new RespondToAuthChallengeCommand({
        ChallengeName: "NEW_PASSWORD_REQUIRED",
        ClientId,
        Session,
        ChallengeResponses: { USERNAME, NEW_PASSWORD },
      }),
    );

  test("brings no tokens, but asks for another password", async () => {
    const { Username, AuthenticationResult, ChallengeName, ChallengeParameters, Session } =
      await challenged();
    expect(AuthenticationResult).toBeUndefined();
    expect(ChallengeName).toBe("NEW_PASSWORD_REQUIRED");
    expect(Session).toEqual(expect.any(String));
    expect(ChallengeParameters).toEqual({
      USER_ID_FOR_SRP: (await getUser(Username)).Username,
      requiredAttributes: "[]",
      userAttributes: JSON.stringify({ email: Username }),
    });
  });

  test("is replaced by the answer, which brings tokens", async () => {
    const { Username, Session } = await challenged();
    const { AuthenticationResult } = await answer(Username, "Chosen-12", Session);
    expect(AuthenticationResult?.AccessToken).toBeDefined();
    expect((await signIn(Username, "Chosen-12")).AuthenticationResult).toBeDefined();
    await expect(signIn(Username, "Given-123")).rejects.toMatchObject(wrong);
  });

  test("is not replaced by a weak one", async () => {
    const { Username, Session } = await challenged();
    await expect(answer(Username, "weak", Session)).rejects.toMatchObject({
      name: "InvalidPasswordException",
    });
    expect((await answer(Username, "Chosen-12", Session)).AuthenticationResult).toBeDefined();
  });

  test("is replaced once, by its own user, through its own client, within three minutes", async () => {
    const invalid = { name: "NotAuthorizedException", message: "Invalid session for the user." };
    const { Username, Session } = await challenged();
    await expect(answer(await createUser(), "Chosen-12", Session)).rejects.toMatchObject(invalid);
    await expect(answer(Username, "Chosen-12", Session, "second-app")).rejects.toMatchObject(invalid);
    await answer(Username, "Chosen-12", Session);
    await expect(answer(Username, "Chosen-34", Session)).rejects.toMatchObject(invalid);
    const late = await challenged();
    small.stack.clock.advance(180_000);
    await expect(answer(late.Username, "Chosen-12", late.Session)).rejects.toMatchObject(invalid);
  });
});

describe("a refresh token", () => {
  test("brings new tokens of the same user, and no other refresh token", async () => {
    const first = (await signIn(await createUser())).AuthenticationResult;
    small.stack.clock.advance(1_800_000);
    const { AuthenticationResult } = await refresh(first?.RefreshToken ?? "");
    expect(AuthenticationResult?.RefreshToken).toBeUndefined();
    const [before, after] = [first?.AccessToken, AuthenticationResult?.AccessToken].map(claimsOf);
    expect(after?.sub).toBe(before?.sub);
    expect(after?.exp).toBeGreaterThanOrEqual(Number(before?.exp) + 1_800);
  });

  test("is valid for its own client only, and for 30 days", async () => {
    const invalid = { name: "NotAuthorizedException", message: "Invalid Refresh Token" };
    const token = (await signIn(await createUser())).AuthenticationResult?.RefreshToken ?? "";
    await expect(refresh(token, "second-app")).rejects.toMatchObject(invalid);
    await expect(refresh("another")).rejects.toMatchObject(invalid);
    small.stack.clock.advance(30 * 24 * 3_600_000 - 60_000);
    expect((await refresh(token)).AuthenticationResult).toBeDefined();
    small.stack.clock.advance(60_000);
    await expect(refresh(token)).rejects.toMatchObject(invalid);
  });
});

test("an unknown pool is refused", async () => {
  const unknown = new AdminGetUserCommand({ UserPoolId: "us-east-1_Unknown", Username: "a" });
  await expect(client.send(unknown)).rejects.toMatchObject({
    name: "ResourceNotFoundException",
    message: "User pool us-east-1_Unknown does not exist.",
  });
});

describe("an operator's operation", () => {
  const forbidden = (operation: string) => ({
    name: "AccessDeniedException",
    message: expect.stringMatching(
      new RegExp(`not authorized to perform: cognito-idp:${operation} on resource: ${poolArn} `),
    ),
  });

  test("with a function's key is allowed as far as its role goes", async () => {
    const Username = await createUser();
    const permitted = await clientOf("permitted");
    expect((await getUser(Username, permitted)).UserStatus).toBe("CONFIRMED");
    await expect(permitted.send(new AdminDeleteUserCommand({ UserPoolId, Username }))).rejects.toMatchObject(
      forbidden("AdminDeleteUser"),
    );
  });

  const Username = "a@example.com";
  const operations: Readonly<Record<string, (as: CognitoIdentityProviderClient) => Promise<unknown>>> = {
    AdminCreateUser: (as) => as.send(new AdminCreateUserCommand({ UserPoolId, Username })),
    AdminSetUserPassword: (as) =>
      as.send(new AdminSetUserPasswordCommand({ UserPoolId, Username, Password: "Correct-1" })),
    AdminGetUser: (as) => as.send(new AdminGetUserCommand({ UserPoolId, Username })),
    AdminDisableUser: (as) => as.send(new AdminDisableUserCommand({ UserPoolId, Username })),
    AdminEnableUser: (as) => as.send(new AdminEnableUserCommand({ UserPoolId, Username })),
    AdminDeleteUser: (as) => as.send(new AdminDeleteUserCommand({ UserPoolId, Username })),
    AdminInitiateAuth: (as) =>
      as.send(
        new AdminInitiateAuthCommand({ UserPoolId, ClientId: "app", AuthFlow: "ADMIN_USER_PASSWORD_AUTH" }),
      ),
  };

  test.each(Object.entries(operations))(
    "%s is refused to a function whose role says nothing of it",
    async (operation, call) => {
      await expect(call(await clientOf("barred"))).rejects.toMatchObject(forbidden(operation));
    },
  );

  test("without a signature is refused", async () => {
    const response = await fetch(small.client.endpoint, {
      method: "POST",
      headers: { "x-amz-target": "AWSCognitoIdentityProviderService.AdminGetUser" },
      body: JSON.stringify({ UserPoolId, Username: "a@example.com" }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
  });

  test("without its fields is refused, naming the field", async () => {
    const unnamed = new AdminGetUserCommand({ UserPoolId, Username: "" });
    await expect(client.send(unnamed)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringMatching(/^1 validation error detected: Value at 'username'/),
    });
  });

  test("that is not JSON is refused", async () => {
    const response = await fetch(small.client.endpoint, {
      method: "POST",
      headers: { "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth" },
      body: "{",
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ __type: "SerializationException" });
  });
});

test("an operation that is not emulated is answered with a sentence that names those that are", async () => {
  const response = await fetch(small.client.endpoint, {
    method: "POST",
    headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/20261123/us-east-1/cognito-idp/aws4_request",
      "x-amz-target": "AWSCognitoIdentityProviderService.ListUsers",
    },
    body: "{}",
  });
  expect(response.status).toBe(501);
  expect(await response.json()).toMatchObject({
    __type: "NotAvailableOfflineException",
    message: expect.stringMatching(
      /\.ListUsers of the AWS service cognito-idp is not part of .* Cognito \(AdminCreateUser, /,
    ),
  });
});
