import { sessionIdSchema } from "@lectern/protocol";
import fc from "fast-check";
import * as v from "valibot";
import { expect, test } from "vitest";
import words from "../data/words.json" with { type: "json" };
import { adjectives, makeSessionId, nouns } from "./session-id.js";

test("rule 3: there are at least 100 adjectives and 100 nouns, no word twice", () => {
  for (const list of [adjectives, nouns]) {
    expect(list.length).toBeGreaterThanOrEqual(100);
    expect(new Set(list).size).toBe(list.length);
  }
});

test("rule 3: no word of the blocklist is in an id, nor inside one of its words", () => {
  const used = [...adjectives, ...nouns];
  expect(words.blocked.length).toBeGreaterThan(0);
  expect(used.filter((word) => words.blocked.includes(word))).toEqual([]);
  // Only long words are looked for inside others: "steward" contains "war" and is a good word.
  const long = words.blocked.filter((word) => word.length > 4);
  expect(used.filter((word) => long.some((blocked) => word.includes(blocked)))).toEqual([]);
});

test("rule 3: every id is adjective-noun-number, the number from 100 to 999", () => {
  const random = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
    minLength: 3,
    maxLength: 3,
  });
  fc.assert(
    fc.property(random, (fractions) => {
      const chances = [...fractions];
      const id = makeSessionId((below) => Math.floor((chances.shift() ?? 0) * below));
      expect(v.parse(sessionIdSchema, id)).toBe(id);
      const [adjective = "", noun = "", number = ""] = id.split("-");
      expect(adjectives).toContain(adjective);
      expect(nouns).toContain(noun);
      expect(Number(number)).toBeGreaterThanOrEqual(100);
      expect(Number(number)).toBeLessThanOrEqual(999);
    }),
  );
});

test("rule 3: the ends of the range of chance are the ends of the lists", () => {
  expect(makeSessionId(() => 0)).toBe(`${adjectives.at(0)}-${nouns.at(0)}-100`);
  expect(makeSessionId((below) => below - 1)).toBe(`${adjectives.at(-1)}-${nouns.at(-1)}-999`);
});
