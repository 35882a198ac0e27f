import { randomBytes } from "node:crypto";
import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Issuer } from "../issuer.js";
import type { PlannedAppClient, UserPool } from "../plan/user-pool.js";
import { ServiceError } from "./error.js";
import { type User, type UserDirectory, weaknessOf } from "./user-directory.js";

export interface Pool extends UserPool {
  readonly users: UserDirectory;
}

/** The user and client that a refresh token or a challenge stands for. */
interface Held {
  readonly clientId: string;
  readonly sub: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const tokenSeconds = 3_600;
const refreshTokenMs = 30 * 24 * 3_600_000;
const challengeMs = 3 * 60_000;

export const authSchema = v.object({
  AuthFlow: v.string(),
  ClientId: v.string(),
  AuthParameters: v.optional(v.record(v.string(), v.string()), {}),
});

export const challengeSchema = v.object({
  ChallengeName: v.string(),
  ClientId: v.string(),
  Session: v.string(),
  ChallengeResponses: v.optional(v.record(v.string(), v.string()), {}),
});

type AuthRequest = v.InferOutput<typeof authSchema>;
type ChallengeResponse = v.InferOutput<typeof challengeSchema>;

/** Signs users in through an app client: by password, by refresh token, and by a new password where one is due. */
export const createSignIn = (issuer: Pick<Issuer, "token">, clock: Clock) => {
  const refreshTokens = createTokens();
  const challenges = createTokens();

  const tokensOf = (client: PlannedAppClient, { username, sub, attributes }: User) => {
    const request = { username, subject: sub, expiresIn: tokenSeconds, now: clock.now() };
    const { sub: _sub, ...claims } = attributes;
    return {
      AccessToken: issuer.token(client, request),
      IdToken: issuer.token(client, { ...request, use: "id", claims: typed(claims) }),
      ExpiresIn: tokenSeconds,
      TokenType: "Bearer",
    };
  };
  const admit = (client: PlannedAppClient, user: User): object => {
    const held = { clientId: client.clientId, sub: user.sub };
    const RefreshToken = refreshTokens.create(held, clock.now() + refreshTokenMs);
    return { ChallengeParameters: {}, AuthenticationResult: { ...tokensOf(client, user), RefreshToken } };
  };
  const challenge = ({ clientId }: PlannedAppClient, { sub, username, attributes }: User): object => {
    const { sub: _sub, ...userAttributes } = attributes;
    return {
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      Session: challenges.create({ clientId, sub }, clock.now() + challengeMs),
      ChallengeParameters: {
        USER_ID_FOR_SRP: username,
        requiredAttributes: "[]",
        userAttributes: JSON.stringify(userAttributes),
      },
    };
  };

  const byPassword = (pool: Pool, client: PlannedAppClient, { AuthParameters }: AuthRequest): object => {
    const name = parameter(AuthParameters, "USERNAME");
    const password = parameter(AuthParameters, "PASSWORD");
    const user = pool.users.find(name);
    if (!user && !client.preventUserExistenceErrors) throw userNotFound();
    if (user?.password !== password) throw notAuthorized("Incorrect username or password.");
    if (!user.enabled) throw notAuthorized("User is disabled.");
    return user.temporary ? challenge(client, user) : admit(client, user);
  };
  const byRefreshToken = (pool: Pool, client: PlannedAppClient, { AuthParameters }: AuthRequest): object => {
    const held = refreshTokens.find(parameter(AuthParameters, "REFRESH_TOKEN"), clock.now());
    const user = held?.clientId === client.clientId && pool.users.find(held.sub);
    if (!user) throw notAuthorized("Invalid Refresh Token");
    if (!user.enabled) throw notAuthorized("User is disabled.");
    return { ChallengeParameters: {}, AuthenticationResult: tokensOf(client, user) };
  };

  return {
    /** By password if the request asks for `passwordFlow`, or by refresh token. */
    byFlow: (passwordFlow: string, pool: Pool, client: PlannedAppClient, request: AuthRequest): object => {
      const { AuthFlow } = request;
      if (AuthFlow === passwordFlow) return byPassword(pool, client, request);
      if (AuthFlow === "REFRESH_TOKEN_AUTH") return byRefreshToken(pool, client, request);
      throw invalid(
        `The local stack's Cognito signs in by password and by refresh token, not by ${AuthFlow}.`,
      );
    },
    byNewPassword: (pool: Pool, client: PlannedAppClient, response: ChallengeResponse): object => {
      const { ChallengeName, Session, ChallengeResponses } = response;
      if (ChallengeName !== "NEW_PASSWORD_REQUIRED")
        throw invalid(`The local stack's Cognito never asks ${ChallengeName}.`);
      const password = parameter(ChallengeResponses, "NEW_PASSWORD");
      const held = challenges.find(Session, clock.now());
      const user = held?.clientId === client.clientId && pool.users.find(held.sub);
      if (!user || pool.users.find(parameter(ChallengeResponses, "USERNAME")) !== user)
        throw notAuthorized("Invalid session for the user.");
      checkPassword(pool, password, "policy");
      const changed = pool.users.change(user, { password, temporary: false }, clock.now());
      challenges.remove(Session);
      return admit(client, changed);
    },
  };
};

/** The claims of an ID token: attributes that end in `_verified` are booleans there. */
const typed = (attributes: Readonly<Record<string, string>>): Record<string, string | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      name.endsWith("_verified") ? value.toLowerCase() === "true" : value,
    ]),
  );

/** @throws {ServiceError} for a password that breaks the pool's policy; `called` is Cognito's name of the policy here */
export const checkPassword = ({ passwordPolicy }: UserPool, password: string, called: string): void => {
  const weakness = weaknessOf(password, passwordPolicy);
  if (!weakness) return;
  const message = `Password did not conform with ${called}: ${weakness}`;
  throw new ServiceError("InvalidPasswordException", message);
};

const parameter = (parameters: Readonly<Record<string, string>>, name: string): string => {
  const value = parameters[name];
  if (!value) throw invalid(`Missing required parameter ${name}`);
  return value;
};

export const invalid = (message: string) => new ServiceError("InvalidParameterException", message);
export const userNotFound = () => new ServiceError("UserNotFoundException", "User does not exist.");
const notAuthorized = (message: string) => new ServiceError("NotAuthorizedException", message);

/** Opaque strings, each valid until its expiry. */
const createTokens = () => {
  const tokens = new Map<string, Held>();
  return {
    create: (held: Omit<Held, "expiresAt">, expiresAt: number): string => {
      const token = randomBytes(96).toString("base64url");
      tokens.set(token, { ...held, expiresAt });
      return token;
    },
    find: (token: string, now: number): Held | undefined => {
      const held = tokens.get(token);
      return held && held.expiresAt > now ? held : undefined;
    },
    remove: (token: string): void => void tokens.delete(token),
  };
};
