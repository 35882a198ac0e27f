import * as v from "valibot";

const claimsSchema = v.object({
  sub: v.optional(v.string()),
  iss: v.optional(v.string()),
  /** Seconds since the epoch. */
  exp: v.optional(v.number()),
  /** An access token's client, and an ID token's. */
  client_id: v.optional(v.string()),
  aud: v.optional(v.string()),
});

export type Claims = v.InferOutput<typeof claimsSchema>;

/** A token's claims, unverified; empty if the text is not a token. */
export const claimsOf = (token: string): Claims => {
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
