import { randomFillSync } from "node:crypto";

const BYTES = 11;
const pool = Buffer.alloc(BYTES * 512);
let used = pool.length;

/**
 * An id in API Gateway's form for connections, requests and messages: 15 characters and a final `=`, which a path must
 * URL-encode. Random bytes come from a pool, because every message needs two ids.
 */
export const createId = (): string => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += BYTES;
  return `${pool.toString("base64url", used - BYTES, used)}=`;
};

/** True for a text in the form of an id; the standard alphabet of base64 is well-formed too. */
export const isWellFormedId = (text: string): boolean => /^[\w+/-]{15}=$/.test(text);
