import { randomBytes } from "node:crypto";
import { subjectOf } from "../issuer.js";
import type { PasswordPolicy, UserPool } from "../plan/user-pool.js";

export interface User {
  /** The subject, in a pool whose users sign in by e-mail address. */
  readonly username: string;
  readonly sub: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly password: string;
  /** True after an operator chose the password: the first sign-in must choose another. */
  readonly temporary: boolean;
  readonly enabled: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** The users of one pool, for as long as the stack runs. */
export interface UserDirectory {
  /** Finds a user by name or by subject. */
  find(name: string): User | undefined;
  /** Undefined when the name is taken. */
  add(name: string, user: Pick<User, "attributes" | "password">, now: number): User | undefined;
  change(user: User, change: Partial<Pick<User, "password" | "temporary" | "enabled">>, now: number): User;
  remove(user: User): void;
}

export const createUserDirectory = ({ emailAsUsername, caseSensitive }: UserPool): UserDirectory => {
  const users = new Map<string, User>();
  const subjects = new Map<string, string>();
  const keyOf = (name: string): string => (caseSensitive ? name : name.toLowerCase());

  return {
    find: (name) => users.get(subjects.get(keyOf(name)) ?? name),
    add: (name, { attributes, password }, now) => {
      const key = keyOf(name);
      if (subjects.has(key)) return undefined;
      // The subject follows from the name, so that the `token` command signs for the same user.
      const sub = subjectOf(name);
      const user: User = {
        username: emailAsUsername ? sub : name,
        sub,
        attributes: { ...(emailAsUsername && { email: name }), ...attributes, sub },
        password,
        temporary: true,
        enabled: true,
        createdAt: now,
        modifiedAt: now,
      };
      subjects.set(key, sub);
      users.set(sub, user);
      return user;
    },
    change: (user, change, now) => {
      const changed = { ...user, ...change, modifiedAt: now };
      users.set(user.sub, changed);
      return changed;
    },
    remove: ({ sub }) => {
      users.delete(sub);
      for (const [key, subject] of subjects) if (subject === sub) subjects.delete(key);
    },
  };
};

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
