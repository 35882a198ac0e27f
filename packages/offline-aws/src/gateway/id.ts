import { randomFillSync } from "node:crypto";

const BYTES = 11;
const pool = Buffer.alloc(BYTES * 512);
let used = pool.length;

/**
 * An id as API Gateway makes them for connections, requests and messages: 15 characters and a final `=`, which has
 * to be URL-encoded in a path. Random bytes are drawn by the pool, because every message takes two ids.
 */
export const createId = (): string => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += BYTES;
  return `${pool.toString("base64url", used - BYTES, used)}=`;
};

/** True when a text has the form of an id; base64's standard alphabet is well-formed too. */
export const isWellFormedId = (text: string): boolean => /^[\w+/-]{15}=$/.test(text);
