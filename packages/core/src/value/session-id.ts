import type { SessionId } from "@lectern/protocol";
import * as v from "valibot";
import words from "../data/words.json" with { type: "json" };

const wordSchema = v.pipe(v.string(), v.regex(/^[a-z]{2,20}$/));
const blocked = new Set<string>(words.blocked);

/** A deployment may replace the word lists, so they are checked: every pair of words must make a valid id. */
const wordsSchema = v.pipe(
  v.array(wordSchema),
  v.transform((list) => [...new Set(list)].filter((word) => !blocked.has(word))),
  v.minLength(100, "packages/core/src/data/words.json needs at least 100 usable words in each list"),
);

export const { adjectives, nouns } = v.parse(
  v.object({ adjectives: wordsSchema, nouns: wordsSchema }),
  words,
);

/** Makes an id like `golden-eagle-427`. `random` returns a whole number below its argument. */
export const makeSessionId = (random: (below: number) => number): SessionId =>
  `${pick(adjectives, random)}-${pick(nouns, random)}-${100 + random(900)}`;

const pick = (list: readonly string[], random: (below: number) => number): string =>
  list[random(list.length)] ?? "";
