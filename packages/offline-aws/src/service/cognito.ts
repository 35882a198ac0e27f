import { randomBytes } from "node:crypto";
import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Authorize } from "../iam.js";
import type { Issuer } from "../issuer.js";
import type { Plan } from "../plan/plan.js";
import type { PlannedAppClient, UserPool } from "../plan/user-pool.js";
import { accountId } from "../synth/cloud.js";
import { demand } from "./access.js";
import { ServiceError } from "./error.js";
import type { Service } from "./http.js";
import { fieldsOf, type JsonOperation, jsonService } from "./json-service.js";
import { randomPassword, weaknessOf } from "./password.js";
import { createUserDirectory, type User, type UserDirectory } from "./user-directory.js";

export interface CognitoServiceOptions {
  readonly plan: Pick<Plan, "region" | "userPools" | "appClients">;
  readonly issuer: Pick<Issuer, "token">;
  readonly clock: Clock;
  readonly authorize: Authorize;
}

interface Pool extends UserPool {
  readonly users: UserDirectory;
}

/** What a client holds between two of its calls. */
interface Held {
  readonly clientId: string;
  readonly sub: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const tokenSeconds = 3_600;
const refreshTokenMs = 30 * 24 * 3_600_000;
const challengeMs = 3 * 60_000;

const userSchema = v.object({ UserPoolId: v.string(), Username: v.pipe(v.string(), v.nonEmpty()) });

/** A password begins and ends with something that can be seen. */
const passwordSchema = v.pipe(v.string(), v.regex(/^\S+.*\S+$/), v.maxLength(256));

const createSchema = v.object({
  ...userSchema.entries,
  UserAttributes: v.optional(v.array(v.object({ Name: v.string(), Value: v.optional(v.string(), "") })), []),
  TemporaryPassword: v.optional(passwordSchema),
  MessageAction: v.optional(v.picklist(["RESEND", "SUPPRESS"])),
});

const setPasswordSchema = v.object({
  ...userSchema.entries,
  Password: passwordSchema,
  Permanent: v.optional(v.boolean(), false),
});

const authSchema = v.object({
  AuthFlow: v.string(),
  ClientId: v.string(),
  AuthParameters: v.optional(v.record(v.string(), v.string()), {}),
});

const adminAuthSchema = v.object({ UserPoolId: v.string(), ...authSchema.entries });

const challengeSchema = v.object({
  ChallengeName: v.string(),
  ClientId: v.string(),
  Session: v.string(),
  ChallengeResponses: v.optional(v.record(v.string(), v.string()), {}),
});

type AuthRequest = v.InferOutput<typeof authSchema>;

/**
 * Cognito's user pools, as far as an operator makes users in them and users sign in by a password. Nothing is mailed:
 * a user without a `TemporaryPassword` gets one that nobody is told.
 */
export const cognitoService = ({ plan, issuer, clock, authorize }: CognitoServiceOptions): Service => {
  const pools = new Map(
    plan.userPools.map((pool): [string, Pool] => [pool.id, { ...pool, users: createUserDirectory(pool) }]),
  );
  const refreshTokens = createHoldings();
  const challenges = createHoldings();

  const poolOf = (id: string): Pool => {
    const pool = pools.get(id);
    if (!pool) throw new ServiceError("ResourceNotFoundException", `User pool ${id} does not exist.`);
    return pool;
  };
  const clientOf = (clientId: string, poolId?: string): PlannedAppClient => {
    const client = plan.appClients.find((one) => one.clientId === clientId);
    if (client && (poolId ?? client.userPoolId) === client.userPoolId) return client;
    throw new ServiceError("ResourceNotFoundException", `User pool client ${clientId} does not exist.`);
  };

  /** Asks IAM for an operator's operation before it looks at the pool. */
  const onPool = <Schema extends v.GenericSchema<unknown, { readonly UserPoolId: string }>>(
    operation: string,
    schema: Schema,
    run: (pool: Pool, request: v.InferOutput<Schema>) => object,
  ): JsonOperation => {
    const action = `cognito-idp:${operation}`;
    return (body, accessKeyId) => {
      const request = fieldsOf(schema, body);
      const resource = `arn:aws:cognito-idp:${plan.region}:${accountId}:userpool/${request.UserPoolId}`;
      demand(authorize, { accessKeyId, action, resource });
      return run(poolOf(request.UserPoolId), request);
    };
  };
  const onUser = (operation: string, run: (pool: Pool, user: User) => object): JsonOperation =>
    onPool(operation, userSchema, (pool, { Username }) => run(pool, userOf(pool, Username)));

  const tokens = (client: PlannedAppClient, { username, sub, attributes }: User) => {
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
    const RefreshToken = refreshTokens.hold(held, clock.now() + refreshTokenMs);
    return { ChallengeParameters: {}, AuthenticationResult: { ...tokens(client, user), RefreshToken } };
  };

  const signIn = (client: PlannedAppClient, { AuthParameters }: AuthRequest): object => {
    const name = parameter(AuthParameters, "USERNAME");
    const password = parameter(AuthParameters, "PASSWORD");
    const user = poolOf(client.userPoolId).users.find(name);
    if (!user && !client.preventUserExistenceErrors) throw userNotFound();
    if (user?.password !== password) throw notAuthorized("Incorrect username or password.");
    if (!user.enabled) throw notAuthorized("User is disabled.");
    return user.temporary ? challenge(client, user) : admit(client, user);
  };
  const challenge = ({ clientId }: PlannedAppClient, { sub, username, attributes }: User): object => {
    const { sub: _sub, ...userAttributes } = attributes;
    return {
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      Session: challenges.hold({ clientId, sub }, clock.now() + challengeMs),
      ChallengeParameters: {
        USER_ID_FOR_SRP: username,
        requiredAttributes: "[]",
        userAttributes: JSON.stringify(userAttributes),
      },
    };
  };
  const refresh = (client: PlannedAppClient, { AuthParameters }: AuthRequest): object => {
    const held = refreshTokens.find(parameter(AuthParameters, "REFRESH_TOKEN"), clock.now());
    const user = held?.clientId === client.clientId && poolOf(client.userPoolId).users.find(held.sub);
    if (!user) throw notAuthorized("Invalid Refresh Token");
    if (!user.enabled) throw notAuthorized("User is disabled.");
    return { ChallengeParameters: {}, AuthenticationResult: tokens(client, user) };
  };

  const choosePassword = (pool: Pool, user: User, password: string, temporary: boolean): User => {
    check(pool, password, "policy");
    return pool.users.change(user, { password, temporary }, clock.now());
  };

  return jsonService("Cognito", "AWSCognitoIdentityProviderService", {
    AdminCreateUser: onPool("AdminCreateUser", createSchema, (pool, request) => {
      const { Username, MessageAction, TemporaryPassword, UserAttributes } = request;
      if (pool.emailAsUsername && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(Username))
        throw invalid("Username should be an email.");
      const password = TemporaryPassword ?? randomPassword(pool.passwordPolicy);
      check(pool, password, "password policy");
      if (MessageAction === "RESEND") {
        const user = userOf(pool, Username);
        if (!user.temporary)
          throw new ServiceError(
            "UnsupportedUserStateException",
            "Resend not possible. The user's status is not FORCE_CHANGE_PASSWORD.",
          );
        return { User: described(pool.users.change(user, { password }, clock.now())) };
      }
      const attributes = Object.fromEntries(UserAttributes.map(({ Name, Value }) => [Name, Value]));
      const user = pool.users.add(Username, { attributes, password }, clock.now());
      if (!user) throw new ServiceError("UsernameExistsException", "User account already exists");
      return { User: described(user) };
    }),
    AdminSetUserPassword: onPool(
      "AdminSetUserPassword",
      setPasswordSchema,
      (pool, { Username, Password, Permanent }) => {
        choosePassword(pool, userOf(pool, Username), Password, !Permanent);
        return {};
      },
    ),
    AdminGetUser: onUser("AdminGetUser", (_, user) => {
      const { Attributes, ...rest } = described(user);
      return { ...rest, UserAttributes: Attributes };
    }),
    AdminDisableUser: onUser("AdminDisableUser", (pool, user) => {
      pool.users.change(user, { enabled: false }, clock.now());
      return {};
    }),
    AdminEnableUser: onUser("AdminEnableUser", (pool, user) => {
      pool.users.change(user, { enabled: true }, clock.now());
      return {};
    }),
    AdminDeleteUser: onUser("AdminDeleteUser", (pool, user) => {
      pool.users.remove(user);
      return {};
    }),
    AdminInitiateAuth: onPool("AdminInitiateAuth", adminAuthSchema, (pool, request) => {
      const client = clientOf(request.ClientId, pool.id);
      if (!allows(client, request.AuthFlow)) throw invalid("Auth flow not enabled for this client");
      if (request.AuthFlow === "ADMIN_USER_PASSWORD_AUTH") return signIn(client, request);
      if (request.AuthFlow === "REFRESH_TOKEN_AUTH") return refresh(client, request);
      throw otherFlow(request);
    }),
    // A user's own operations: whoever knows the password needs no AWS credentials.
    InitiateAuth: (body) => {
      const request = fieldsOf(authSchema, body);
      const client = clientOf(request.ClientId);
      if (request.AuthFlow.startsWith("ADMIN_")) throw invalid("Initiate Auth method not supported.");
      if (!allows(client, request.AuthFlow))
        throw invalid(`${request.AuthFlow} flow not enabled for this client`);
      if (request.AuthFlow === "USER_PASSWORD_AUTH") return signIn(client, request);
      if (request.AuthFlow === "REFRESH_TOKEN_AUTH") return refresh(client, request);
      throw otherFlow(request);
    },
    RespondToAuthChallenge: (body) => {
      const { ChallengeName, ClientId, Session, ChallengeResponses } = fieldsOf(challengeSchema, body);
      const client = clientOf(ClientId);
      const pool = poolOf(client.userPoolId);
      if (ChallengeName !== "NEW_PASSWORD_REQUIRED")
        throw invalid(`The local stack's Cognito never asks ${ChallengeName}.`);
      const password = parameter(ChallengeResponses, "NEW_PASSWORD");
      const held = challenges.find(Session, clock.now());
      const user = held?.clientId === ClientId && pool.users.find(held.sub);
      if (!user || pool.users.find(parameter(ChallengeResponses, "USERNAME")) !== user)
        throw notAuthorized("Invalid session for the user.");
      const changed = choosePassword(pool, user, password, false);
      challenges.drop(Session);
      return admit(client, changed);
    },
  });
};

const allows = ({ explicitAuthFlows }: PlannedAppClient, flow: string): boolean =>
  explicitAuthFlows.includes(`ALLOW_${flow}`) || explicitAuthFlows.includes(flow);

const userOf = ({ users }: Pool, name: string): User => {
  const user = users.find(name);
  if (!user) throw userNotFound();
  return user;
};

const described = (user: User) => ({
  Username: user.username,
  Attributes: Object.entries(user.attributes).map(([Name, Value]) => ({ Name, Value })),
  UserCreateDate: user.createdAt / 1000,
  UserLastModifiedDate: user.modifiedAt / 1000,
  Enabled: user.enabled,
  UserStatus: user.temporary ? "FORCE_CHANGE_PASSWORD" : "CONFIRMED",
});

/** An ID token has the attributes that say whether something is so as booleans. */
const typed = (attributes: Readonly<Record<string, string>>): Record<string, string | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      name.endsWith("_verified") ? value.toLowerCase() === "true" : value,
    ]),
  );

const check = ({ passwordPolicy }: UserPool, password: string, called: string): void => {
  const weakness = weaknessOf(password, passwordPolicy);
  if (weakness)
    throw new ServiceError(
      "InvalidPasswordException",
      `Password did not conform with ${called}: ${weakness}`,
    );
};

const parameter = (parameters: Readonly<Record<string, string>>, name: string): string => {
  const value = parameters[name];
  if (!value) throw invalid(`Missing required parameter ${name}`);
  return value;
};

const invalid = (message: string) => new ServiceError("InvalidParameterException", message);
const notAuthorized = (message: string) => new ServiceError("NotAuthorizedException", message);
const userNotFound = () => new ServiceError("UserNotFoundException", "User does not exist.");
const otherFlow = ({ AuthFlow }: AuthRequest) =>
  invalid(`The local stack's Cognito signs in by password and by refresh token, not by ${AuthFlow}.`);

/** Opaque strings that stand for something, until they expire. */
const createHoldings = () => {
  const holdings = new Map<string, Held>();
  return {
    hold: (what: Omit<Held, "expiresAt">, expiresAt: number): string => {
      const token = randomBytes(96).toString("base64url");
      holdings.set(token, { ...what, expiresAt });
      return token;
    },
    find: (token: string, now: number): Held | undefined => {
      const held = holdings.get(token);
      return held && held.expiresAt > now ? held : undefined;
    },
    drop: (token: string): void => void holdings.delete(token),
  };
};
