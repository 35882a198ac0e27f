import { randomBytes } from "node:crypto";
import type { CognitoIdentityProviderClient } from "@aws-sdk/client-cognito-identity-provider";
import { UserError } from "offline-aws";
import type { Scope } from "../terminal/scope.js";
import { type AwsAccess, nameOf } from "./aws.js";

/** Where speakers sign in. */
export interface Pool {
  readonly userPoolId: string;
  readonly clientId: string;
}

export interface User {
  readonly username: string;
  readonly password: string;
}

/**
 * Signs a user in by password alone, which needs no credentials; resolves to the access token.
 * @throws {UserError}
 */
export const signIn = async (
  { client }: AwsAccess,
  { clientId }: Pick<Pool, "clientId">,
  { username, password }: User,
): Promise<string> => {
  const sdk = await load();
  const request = new sdk.InitiateAuthCommand({
    AuthFlow: "USER_PASSWORD_AUTH",
    ClientId: clientId,
    AuthParameters: { USERNAME: username, PASSWORD: password },
  });
  const signing = new sdk.CognitoIdentityProviderClient(client).send(request);
  return tokenIn(await signing.catch(refuse("cognito-idp:InitiateAuth")));
};

/**
 * Makes a user for this run, signs it in with the operator's credentials, and has it deleted at the end of `scope`,
 * whatever comes; resolves to the access token.
 * @throws {UserError}
 */
export const signInTemporarily = async (
  { client: configuration }: AwsAccess,
  { userPoolId, clientId }: Pool,
  { scope, say }: { readonly scope: Pick<Scope, "defer">; readonly say: (line: string) => void },
): Promise<string> => {
  const sdk = await load();
  const client = new sdk.CognitoIdentityProviderClient(configuration);
  // Nobody has an address at example.com (RFC 2606), and nothing is sent there.
  const username = `verify-${randomBytes(8).toString("hex")}@example.com`;
  const password = strongPassword();
  const user = { UserPoolId: userPoolId, Username: username };

  const creating = client.send(
    new sdk.AdminCreateUserCommand({
      ...user,
      MessageAction: "SUPPRESS",
      UserAttributes: [
        { Name: "email", Value: username },
        { Name: "email_verified", Value: "true" },
      ],
    }),
  );
  // Before the answer is there: an interruption may come while the user is being made.
  scope.defer(() => remove(client, user, creating, say));
  await creating.catch(refuse("cognito-idp:AdminCreateUser"));

  const settled = new sdk.AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true });
  await client.send(settled).catch(refuse("cognito-idp:AdminSetUserPassword"));

  const request = new sdk.AdminInitiateAuthCommand({
    UserPoolId: userPoolId,
    ClientId: clientId,
    AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: username, PASSWORD: password },
  });
  return tokenIn(await client.send(request).catch(refuse("cognito-idp:AdminInitiateAuth")));
};

const load = () => import("@aws-sdk/client-cognito-identity-provider");

const remove = async (
  client: CognitoIdentityProviderClient,
  user: { readonly UserPoolId: string; readonly Username: string },
  creating: Promise<unknown>,
  say: (line: string) => void,
): Promise<void> => {
  const created = await creating.then(
    () => true,
    () => false,
  );
  const { AdminDeleteUserCommand } = await load();
  try {
    await client.send(new AdminDeleteUserCommand(user));
  } catch (error) {
    // A creation that seems to have failed may have been done all the same, its answer being lost.
    if (!created && neverMade.has(nameOf(error))) return;
    say(
      `The temporary user ${user.Username} is still there (${nameOf(error)}): delete it with aws cognito-idp admin-delete-user --user-pool-id ${user.UserPoolId} --username ${user.Username}.`,
    );
  }
};

/** What a deletion fails with where the creation had failed for the same reason, or really. */
const neverMade = new Set([
  "UserNotFoundException",
  "AccessDeniedException",
  "ResourceNotFoundException",
  "CredentialsProviderError",
]);

/** Of all kinds of characters that a pool's policy may ask for. */
const strongPassword = (): string => `Aa1!${randomBytes(24).toString("base64url")}`;

interface SignedIn {
  readonly AuthenticationResult?: { readonly AccessToken?: string | undefined } | undefined;
  readonly ChallengeName?: string | undefined;
}

const tokenIn = ({ AuthenticationResult, ChallengeName }: SignedIn): string => {
  if (AuthenticationResult?.AccessToken) return AuthenticationResult.AccessToken;
  if (ChallengeName === "NEW_PASSWORD_REQUIRED") {
    throw new UserError(
      "This user must choose a new password before the first sign-in: sign in once with a client, or use --temporary-user.",
    );
  }
  throw new UserError(
    `The user pool asks for more than a password (${ChallengeName}): sign in with a client, and give its token with --token.`,
  );
};

/** Makes one sentence of Cognito's refusal, and of everything else that keeps it from answering. */
const refuse =
  (action: string) =>
  (error: unknown): never => {
    throw new UserError(sentenceOf(error, action));
  };

const sentenceOf = (error: unknown, action: string): string => {
  const name = nameOf(error);
  const said = error instanceof Error ? error.message.replace(/\.$/, "") : "";
  switch (name) {
    case "CredentialsProviderError":
      return "--temporary-user needs AWS credentials of the stage's account, and there are none: set AWS_PROFILE, or bring a token (--token) or a user (--user).";
    case "AccessDeniedException":
      return `The AWS credentials may not do ${action} on the pool: grant it, or bring a token (--token) or a user (--user).`;
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
      return `AWS does not take the credentials (${name}): sign in to AWS again.`;
    case "ResourceNotFoundException":
      return "There is no such user pool or app client in this region: correct --user-pool-id, --client-id or --region.";
    case "PasswordResetRequiredException":
    case "UserNotConfirmedException":
      return `This user cannot sign in yet (${name}): set its password anew, or use --temporary-user.`;
  }
  if (/flow not enabled/i.test(said)) {
    return action.endsWith("AdminInitiateAuth")
      ? "The pool's app client does not let administrators sign users in: allow ADMIN_USER_PASSWORD_AUTH on it; the app's own client does from its next deployment on."
      : "This stage does not let users sign in by password alone: set passwordSignIn in infra/config.ts and deploy, or use --temporary-user with AWS credentials.";
  }
  if (/secret/i.test(said)) {
    return "The pool's app client has a secret, and Lectern's must have none: make a client without.";
  }
  if (name === "NotAuthorizedException" || name === "UserNotFoundException") {
    return `The user pool does not let this user in (${said}): correct --user or the password.`;
  }
  return `Cognito did not do ${action} (${name}: ${said}): correct --region and the pool, or bring a token with --token.`;
};
