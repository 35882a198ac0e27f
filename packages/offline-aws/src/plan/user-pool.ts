import * as v from "valibot";
import { accountId } from "../synth/cloud.js";
import type { Resource } from "../synth/graph.js";
import { read } from "./resource.js";

/** A user pool's app client. */
export interface AppClient {
  readonly userPoolId: string;
  readonly clientId: string;
}

/** An app client and its rules for signing in. */
export interface PlannedAppClient extends AppClient {
  /** `ALLOW_USER_PASSWORD_AUTH` */
  readonly explicitAuthFlows: readonly string[];
  /** True when a sign-in answers alike for an unknown user and a wrong password. */
  readonly preventUserExistenceErrors: boolean;
}

/** A user pool's rules for passwords. The defaults are Cognito's. */
const passwordPolicySchema = v.object({
  minimumLength: v.optional(v.number(), 8),
  requireLowercase: v.optional(v.boolean(), false),
  requireUppercase: v.optional(v.boolean(), false),
  requireNumbers: v.optional(v.boolean(), false),
  requireSymbols: v.optional(v.boolean(), false),
});

export type PasswordPolicy = Readonly<v.InferOutput<typeof passwordPolicySchema>>;

const userPoolSchema = v.object({
  usernameAttributes: v.optional(v.array(v.string()), []),
  usernameConfiguration: v.optional(v.object({ caseSensitive: v.optional(v.boolean(), true) }), {}),
  passwordPolicy: v.optional(passwordPolicySchema, {
    requireLowercase: true,
    requireUppercase: true,
    requireNumbers: true,
    requireSymbols: true,
  }),
});

export interface UserPool {
  readonly id: string;
  readonly arn: string;
  /** True when users sign in by e-mail address. */
  readonly emailAsUsername: boolean;
  readonly caseSensitive: boolean;
  readonly passwordPolicy: PasswordPolicy;
}

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
