import fc from "fast-check";
import { expect, test } from "vitest";
import { defaults, hour, midnight, minute } from "../testing/index.js";
import { connectionTtl, isOpening, longestAge, refreshAge, sessionExpiry, warningAge } from "./lifetime.js";

test("rule 11: a connection's refresh moment lies between 90 and 100 % of the setting, always the same", () => {
  fc.assert(
    fc.property(fc.string(), fc.double({ min: 0.01, max: 119, noNaN: true }), (id, minutes) => {
      const settings = { ...defaults, connectionRefreshMinutes: minutes };
      const age = refreshAge(id, settings);
      expect(age).toBeGreaterThanOrEqual(minutes * minute * 0.9);
      expect(age).toBeLessThanOrEqual(minutes * minute);
      expect(refreshAge(id, settings)).toBe(age);
    }),
  );
});

test("rule 11: 500 listeners that joined together come back spread over the whole ten minutes", () => {
  const tenths = Array.from({ length: 500 }, (_, index) =>
    Math.floor((refreshAge(`connection ${index}`, defaults) - 90 * minute) / minute),
  );
  const sizes = Array.from({ length: 10 }, (_, tenth) => tenths.filter((at) => at === tenth).length);
  for (const size of sizes) {
    expect(size).toBeGreaterThan(25);
    expect(size).toBeLessThan(75);
  }
});

test("rule 6: a connection's row outlives it by an hour, a session by nothing; both in seconds", () => {
  expect(connectionTtl(midnight, defaults)).toBe((midnight + 3 * hour) / 1000);
  expect(sessionExpiry(midnight, defaults)).toBe((midnight + 2 * hour) / 1000);
  // Rounded up, so that no row expires early.
  expect(sessionExpiry(midnight + 1, defaults)).toBe((midnight + 2 * hour) / 1000 + 1);
  expect(connectionTtl(midnight + 1, defaults)).toBe((midnight + 3 * hour) / 1000 + 1);
});

test("rule 10: the warning comes at 105 minutes, the end at two hours", () => {
  expect(warningAge(defaults)).toBe(105 * minute);
  expect(longestAge(defaults)).toBe(2 * hour);
});

test("a socket may be opening until ten seconds after its handshake", () => {
  expect(isOpening(midnight, midnight + 9_999)).toBe(true);
  expect(isOpening(midnight, midnight + 10_000)).toBe(false);
});
