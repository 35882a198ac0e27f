import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { Authorize } from "../iam.js";
import type { Issuer } from "../issuer.js";
import type { Plan } from "../plan/plan.js";
import type { PlannedAppClient } from "../plan/user-pool.js";
import { accountId } from "../synth/cloud.js";
import { demand, ServiceError } from "./error.js";
import { fieldsOf, type JsonOperation, jsonService, type Service } from "./http.js";
import {
  authSchema,
  challengeSchema,
  checkPassword,
  createSignIn,
  invalid,
  type Pool,
  userNotFound,
} from "./sign-in.js";
import { createUserDirectory, randomPassword, type User } from "./user-directory.js";

const userSchema = v.object({ UserPoolId: v.string(), Username: v.pipe(v.string(), v.nonEmpty()) });

/** A password begins and ends with a visible character. */
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

const adminAuthSchema = v.object({ UserPoolId: v.string(), ...authSchema.entries });

/**
 * Cognito's user pools: an operator creates users, and users sign in by a password. No mail is sent, so nobody learns the
 * random password of a user that was created without a `TemporaryPassword`.
 */
export const cognitoService = ({
  plan,
  issuer,
  clock,
  authorize,
}: {
  readonly plan: Pick<Plan, "region" | "userPools" | "appClients">;
  readonly issuer: Pick<Issuer, "token">;
  readonly clock: Clock;
  readonly authorize: Authorize;
}): Service => {
  const pools = new Map(
    plan.userPools.map((pool): [string, Pool] => [pool.id, { ...pool, users: createUserDirectory(pool) }]),
  );
  const signIn = createSignIn(issuer, clock);

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

  /** An operator's operation on a pool. IAM is asked before the pool is looked up. */
  const onPool = <Schema extends v.GenericSchema<unknown, { readonly UserPoolId: string }>>(
    schema: Schema,
    run: (pool: Pool, request: v.InferOutput<Schema>) => object,
  ): JsonOperation => {
    return (body, accessKeyId, operation) => {
      const request = fieldsOf(schema, body);
      const resource = `arn:aws:cognito-idp:${plan.region}:${accountId}:userpool/${request.UserPoolId}`;
      demand(authorize, { accessKeyId, action: `cognito-idp:${operation}`, resource });
      return run(poolOf(request.UserPoolId), request);
    };
  };
  const onUser = (run: (pool: Pool, user: User) => object): JsonOperation =>
    onPool(userSchema, (pool, { Username }) => run(pool, userOf(pool, Username)));
  const setEnabled = (enabled: boolean): JsonOperation =>
    onUser((pool, user) => {
      pool.users.change(user, { enabled }, clock.now());
      return {};
    });

  return jsonService("Cognito", "AWSCognitoIdentityProviderService", {
    AdminCreateUser: onPool(createSchema, (pool, request) => {
      const { Username, MessageAction, TemporaryPassword, UserAttributes } = request;
      if (pool.emailAsUsername && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(Username))
        throw invalid("Username should be an email.");
      const password = TemporaryPassword ?? randomPassword(pool.passwordPolicy);
      checkPassword(pool, password, "password policy");
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
    AdminSetUserPassword: onPool(setPasswordSchema, (pool, { Username, Password, Permanent }) => {
      const user = userOf(pool, Username);
      checkPassword(pool, Password, "policy");
      pool.users.change(user, { password: Password, temporary: !Permanent }, clock.now());
      return {};
    }),
    AdminGetUser: onUser((_, user) => {
      const { Attributes, ...rest } = described(user);
      return { ...rest, UserAttributes: Attributes };
    }),
    AdminDisableUser: setEnabled(false),
    AdminEnableUser: setEnabled(true),
    AdminDeleteUser: onUser((pool, user) => {
      pool.users.remove(user);
      return {};
    }),
    AdminInitiateAuth: onPool(adminAuthSchema, (pool, request) => {
      const client = clientOf(request.ClientId, pool.id);
      if (!allows(client, request.AuthFlow)) throw invalid("Auth flow not enabled for this client");
      return signIn.byFlow("ADMIN_USER_PASSWORD_AUTH", pool, client, request);
    }),
    // A user's own operations need no AWS credentials: the password is enough.
    InitiateAuth: (body) => {
      const request = fieldsOf(authSchema, body);
      const client = clientOf(request.ClientId);
      if (request.AuthFlow.startsWith("ADMIN_")) throw invalid("Initiate Auth method not supported.");
      if (!allows(client, request.AuthFlow))
        throw invalid(`${request.AuthFlow} flow not enabled for this client`);
      return signIn.byFlow("USER_PASSWORD_AUTH", poolOf(client.userPoolId), client, request);
    },
    RespondToAuthChallenge: (body) => {
      const response = fieldsOf(challengeSchema, body);
      const client = clientOf(response.ClientId);
      return signIn.byNewPassword(poolOf(client.userPoolId), client, response);
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
