import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** SHA-256 of a connection id, for logs and keys that must not show the id. 43 characters of base64url. */
export const hashConnectionId = (connectionId: string): string =>
  createHash("sha256").update(connectionId).digest("base64url");

/** SHA-256 of a user's id, for logs. The id is a random UUID, so nobody can look its hash up. */
export const hashUserId = (userId: string): string => hashConnectionId(userId);

/** HMAC-SHA-256. A plain hash of an address could be looked up, because there are few addresses. */
export const hashPrivate = (value: string, key: string): string =>
  createHmac("sha256", key).update(value).digest("base64url");

/** Compares two digests in constant time. */
export const sameDigest = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};
