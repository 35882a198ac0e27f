import { randomBytes } from "node:crypto";
import type {
  CognitoIdentityProviderClient,
  InitiateAuthCommandOutput,
} from "@aws-sdk/client-cognito-identity-provider";
import { UserError } from "offline-aws";
import { type AwsAccess, credentialsProblem, nameOf } from "../aws.js";
import type { Scope } from "../terminal/scope.js";

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
 * Makes a user for this run and signs it in with the operator's credentials; resolves to the access token. The user is
 * deleted at the end of `scope`, also when the run fails or is interrupted.
 * @throws {UserError}
 */
export const signInTemporarily = async (
  { client: configuration }: AwsAccess,
  { userPoolId, clientId }: Pool,
  { scope, say }: { readonly scope: Pick<Scope, "defer">; readonly say: (line: string) => void },
): Promise<string> => {
  const sdk = await load();
  const client = new sdk.CognitoIdentityProviderClient(configuration);
  // Nobody has an address at example.com (RFC 2606).
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
  // Deferred before the answer comes, since the run may be interrupted while the user is made.
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
  const created = await creating.then(Boolean, () => false);
  const { AdminDeleteUserCommand } = await load();
  try {
    await client.send(new AdminDeleteUserCommand(user));
  } catch (error) {
    // A creation whose answer was lost looks failed, but may have made the user.
    if (!created && neverMade.has(nameOf(error))) return;
    say(
      `The temporary user ${user.Username} is still there (${nameOf(error)}): delete it with aws cognito-idp admin-delete-user --user-pool-id ${user.UserPoolId} --username ${user.Username}.`,
    );
  }
};

/** The errors of a deletion that show that the creation failed too. */
const neverMade = new Set([
  "UserNotFoundException",
  "AccessDeniedException",
  "ResourceNotFoundException",
  "CredentialsProviderError",
]);

/** A random password with every kind of character that a pool's policy may ask for. */
const strongPassword = (): string => `Aa1!${randomBytes(24).toString("base64url")}`;

const tokenIn = ({
  AuthenticationResult,
  ChallengeName,
}: Pick<InitiateAuthCommandOutput, "AuthenticationResult" | "ChallengeName">): string => {
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

/** Throws one sentence about Cognito's refusal, or about why Cognito was not reached. */
const refuse =
  (action: string) =>
  (error: unknown): never => {
    throw new UserError(sentenceOf(error, action));
  };

const otherSpeaker = "bring a token (--token) or a user (--user)";

const sentences: Readonly<Record<string, string>> = {
  ResourceNotFoundException:
    "There is no such user pool or app client in this region: correct --user-pool-id, --client-id or --region.",
  PasswordResetRequiredException:
    "This user must reset the password before signing in: set it again, or use --temporary-user.",
  UserNotConfirmedException: "This user is not confirmed yet: confirm it, or use --temporary-user.",
};

const sentenceOf = (error: unknown, action: string): string => {
  const name = nameOf(error);
  const reason = error instanceof Error ? error.message.replace(/\.$/, "") : "";
  const problem = credentialsProblem(error);
  if (problem) return `${problem}; or ${otherSpeaker}.`;
  if (name === "AccessDeniedException") {
    return `The AWS credentials may not do ${action} on the pool: grant it, or ${otherSpeaker}.`;
  }
  if (/flow not enabled/i.test(reason)) {
    return action.endsWith("AdminInitiateAuth")
      ? "The pool's app client does not let administrators sign users in: allow ADMIN_USER_PASSWORD_AUTH on it; deploying the stage again does that."
      : "This stage does not let users sign in by password alone: set passwordSignIn in infra/deployments.ts and deploy, or use --temporary-user with AWS credentials.";
  }
  if (/secret/i.test(reason)) {
    return "The pool's app client has a secret, and Lectern's must not have one: make a client without.";
  }
  if (name === "NotAuthorizedException" || name === "UserNotFoundException") {
    return `The user pool does not let this user in (${reason}): correct --user or the password.`;
  }
  return (
    sentences[name] ??
    `Cognito did not do ${action} (${name}: ${reason}): correct --region and the pool, or ${otherSpeaker}.`
  );
};
