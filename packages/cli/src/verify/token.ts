import * as v from "valibot";
import type { Subject } from "./check.js";

const claimsSchema = v.object({
  sub: v.optional(v.string()),
  iss: v.optional(v.string()),
  /** Seconds since the epoch. */
  exp: v.optional(v.number()),
  /** An access token's client, and an ID token's. */
  client_id: v.optional(v.string()),
  aud: v.optional(v.string()),
});

/** A token's claims, unverified; empty if the text is not a token. */
export const claimsOf = (token: string): v.InferOutput<typeof claimsSchema> => {
  try {
    const [, payload = ""] = token.split(".");
    return v.parse(claimsSchema, JSON.parse(Buffer.from(payload, "base64url").toString()));
  } catch {
    return {};
  }
};

/** The same token with a wrong signature. */
export const forged = (token: string): string => {
  const [header = "x", payload = "x", signature = ""] = token.split(".");
  // The first characters change: the last ones may hold bits that no signature uses.
  const other = signature.startsWith("AAAA") ? "BBBB" : "AAAA";
  return [header, payload, other + signature.slice(other.length)].join(".");
};

/** Why a token is refused, by its own claims; undefined: they are right. */
export const tokenProblem = ({ token, pool, now }: Pick<Subject, "token" | "pool" | "now">) => {
  const { exp, iss, aud, client_id: client = aud } = claimsOf(token);
  if (iss === undefined) return "what was given for a token is not one of a user pool; correct --token";
  if (exp !== undefined && exp * 1_000 < now()) {
    const minutes = Math.ceil((now() - exp * 1_000) / 60_000);
    return `the token has expired ${minutes} min ago; take a fresh one`;
  }
  const issuer = iss.split("/").at(-1);
  if (pool.userPoolId && issuer !== pool.userPoolId) {
    return `the token is of the user pool ${issuer}, and the stage's is ${pool.userPoolId}; sign in there`;
  }
  if (!pool.clientId || client === pool.clientId) return undefined;
  return `the token is of another app client than the stage's, ${pool.clientId}; sign in by that`;
};
