import * as v from "valibot";
import { accountId } from "../synth/cloud.js";
import type { Resource } from "../synth/graph.js";
import { read } from "./resource.js";

/** A user pool's app client. */
export interface AppClient {
  readonly userPoolId: string;
  readonly clientId: string;
}

/** An app client, and what it lets its users do. */
export interface PlannedAppClient extends AppClient {
  /** `ALLOW_USER_PASSWORD_AUTH` */
  readonly explicitAuthFlows: readonly string[];
  /** Whether a sign-in says no more of a user who does not exist than of a wrong password. */
  readonly preventUserExistenceErrors: boolean;
}

/** What a user pool asks of a password. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly requireLowercase: boolean;
  readonly requireUppercase: boolean;
  readonly requireNumbers: boolean;
  readonly requireSymbols: boolean;
}

export interface UserPool {
  readonly id: string;
  readonly arn: string;
  /** Whether users are called by their e-mail addresses. */
  readonly emailAsUsername: boolean;
  readonly caseSensitive: boolean;
  readonly passwordPolicy: PasswordPolicy;
}

/** What Cognito asks for where a pool says nothing. */
const userPoolSchema = v.object({
  usernameAttributes: v.optional(v.array(v.string()), []),
  usernameConfiguration: v.optional(v.object({ caseSensitive: v.optional(v.boolean(), true) }), {}),
  passwordPolicy: v.optional(
    v.object({
      minimumLength: v.optional(v.number(), 8),
      requireLowercase: v.optional(v.boolean(), false),
      requireUppercase: v.optional(v.boolean(), false),
      requireNumbers: v.optional(v.boolean(), false),
      requireSymbols: v.optional(v.boolean(), false),
    }),
    { requireLowercase: true, requireUppercase: true, requireNumbers: true, requireSymbols: true },
  ),
});

export const userPoolOf = (resource: Resource, region: string): UserPool => {
  const { id } = resource;
  const { usernameAttributes, usernameConfiguration, passwordPolicy } = read(userPoolSchema, resource);
  return {
    id,
    arn: `arn:aws:cognito-idp:${region}:${accountId}:userpool/${id}`,
    emailAsUsername: usernameAttributes.includes("email"),
    caseSensitive: usernameConfiguration.caseSensitive,
    passwordPolicy,
  };
};

const appClientSchema = v.object({
  userPoolId: v.string(),
  explicitAuthFlows: v.optional(v.array(v.string()), [
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_CUSTOM_AUTH",
  ]),
  preventUserExistenceErrors: v.optional(v.picklist(["ENABLED", "LEGACY"]), "LEGACY"),
});

export const appClientOf = (resource: Resource): PlannedAppClient => {
  const { userPoolId, explicitAuthFlows, preventUserExistenceErrors } = read(appClientSchema, resource);
  return {
    userPoolId,
    clientId: resource.id,
    explicitAuthFlows,
    preventUserExistenceErrors: preventUserExistenceErrors === "ENABLED",
  };
};
