import type { SessionId } from "@lectern/protocol";
import * as v from "valibot";
import words from "./data/words.json" with { type: "json" };

const wordSchema = v.pipe(v.string(), v.regex(/^[a-z]{2,20}$/));
const blocked = new Set<string>(words.blocked);

/** The word lists are data, replaceable per deployment: whatever is put there must still make fit ids. */
const wordsSchema = v.pipe(
  v.array(wordSchema),
  v.transform((list) => [...new Set(list)].filter((word) => !blocked.has(word))),
  v.minLength(100, "packages/core/src/data/words.json needs at least 100 fit words in each list"),
);

export const { adjectives, nouns } = v.parse(
  v.object({ adjectives: wordsSchema, nouns: wordsSchema }),
  words,
);

/** Makes an id like `golden-eagle-427`. `random` gives a whole number below its argument. */
export const makeSessionId = (random: (below: number) => number): SessionId =>
  `${pick(adjectives, random)}-${pick(nouns, random)}-${100 + random(900)}`;

const pick = (list: readonly string[], random: (below: number) => number): string =>
  list[random(list.length)] ?? "";
