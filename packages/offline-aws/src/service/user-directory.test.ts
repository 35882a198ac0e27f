import { expect, test } from "vitest";
import { randomPassword, weaknessOf } from "./user-directory.js";

const policy = {
  minimumLength: 8,
  requireLowercase: true,
  requireUppercase: true,
  requireNumbers: true,
  requireSymbols: true,
};

test.each([
  ["Ab1!xyz", "Password not long enough"],
  ["AB1!XYZW", "Password must have lowercase characters"],
  ["ab1!xyzw", "Password must have uppercase characters"],
  ["Ab!!xyzw", "Password must have numeric characters"],
  ["Ab12xyzw", "Password must have symbol characters"],
  ["Ab1!xyzw", undefined],
])("%s: %s", (password, weakness) => {
  expect(weaknessOf(password, policy)).toBe(weakness);
});

test("a space is a symbol inside a password only", () => {
  expect(weaknessOf("Ab12 xyz", policy)).toBeUndefined();
  expect(weaknessOf("Ab12xyz ", policy)).toBe("Password must have symbol characters");
});

test("a weaker policy accepts more passwords", () => {
  const lax = {
    minimumLength: 6,
    requireLowercase: false,
    requireUppercase: false,
    requireNumbers: false,
    requireSymbols: false,
  };
  expect(weaknessOf("      ", lax)).toBeUndefined();
  expect(weaknessOf("     ", lax)).toBe("Password not long enough");
});

test("a random password meets the policy and differs every time", () => {
  const passwords = Array.from({ length: 100 }, () => randomPassword({ ...policy, minimumLength: 20 }));
  expect(new Set(passwords).size).toBe(100);
  for (const password of passwords)
    expect(weaknessOf(password, { ...policy, minimumLength: 20 })).toBeUndefined();
});
