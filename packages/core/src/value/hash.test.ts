import { expect, test } from "vitest";
import { hashId, hashPrivate, sameDigest } from "./hash.js";

test("rule 19: a connection id in a log is its SHA-256", () => {
  // `printf 'abc' | openssl dgst -sha256 -binary | basenc --base64url`, without the padding
  expect(hashId("abc")).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
});

test("rule 19: an address in a log is an HMAC, which cannot be looked up without the key", () => {
  // RFC 4231, test case 2
  const expected = Buffer.from("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "hex");
  expect(hashPrivate("what do ya want for nothing?", "Jefe")).toBe(expected.toString("base64url"));
  expect(hashPrivate("203.0.113.7", "one key")).not.toBe(hashPrivate("203.0.113.7", "another"));
});

test("two digests are the same only if every character is", () => {
  expect(sameDigest("abc", "abc")).toBe(true);
  expect(sameDigest("abc", "abd")).toBe(false);
  expect(sameDigest("abc", "abcd")).toBe(false);
  expect(sameDigest("", "a")).toBe(false);
  expect(sameDigest("é", "e")).toBe(false);
});
