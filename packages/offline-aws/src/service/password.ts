import { randomBytes } from "node:crypto";
import type { PasswordPolicy } from "../plan/user-pool.js";

/** The policy's first violation, in Cognito's words; undefined for a good password. */
export const weaknessOf = (password: string, policy: PasswordPolicy): string | undefined => {
  const needs: readonly (readonly [boolean, RegExp, string])[] = [
    [policy.requireLowercase, /[a-z]/, "lowercase"],
    [policy.requireUppercase, /[A-Z]/, "uppercase"],
    [policy.requireNumbers, /\d/, "numeric"],
    [policy.requireSymbols, symbol, "symbol"],
  ];
  if (password.length < policy.minimumLength) return "Password not long enough";
  const [, , lacking] = needs.find(([needed, pattern]) => needed && !pattern.test(password)) ?? [];
  return lacking && `Password must have ${lacking} characters`;
};

/** A space counts as a symbol inside a password, not at its ends. */
const symbol = /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+-]|(?<=\S) +(?=\S)/;

/** A random password that meets every policy. */
export const randomPassword = ({ minimumLength }: PasswordPolicy): string =>
  `aA1!${randomBytes(minimumLength).toString("base64url")}`;
