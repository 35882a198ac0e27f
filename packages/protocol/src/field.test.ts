import * as v from "valibot";
import { expect, test } from "vitest";
import {
  endReasonSchema,
  languageCodeSchema,
  limits,
  qualityTierSchema,
  roleSchema,
  sessionIdSchema,
  typedSessionIdSchema,
} from "./index.js";

const messageOf = (schema: v.GenericSchema, input: unknown): string | undefined =>
  v.safeParse(schema, input).issues?.[0]?.message;

const letters = (count: number) => "a".repeat(count);

test.each(["golden-eagle-427", "aa-bb-100", "zz-yy-999", `${letters(20)}-${letters(20)}-100`])(
  "%s is a session's id",
  (id) => {
    expect(v.parse(sessionIdSchema, id)).toBe(id);
  },
);

test.each([
  ["golden-eagle-099", "a number below 100"],
  ["golden-eagle-1000", "a number above 999"],
  ["golden-eagle-42", "two digits"],
  ["golden-eagle", "no number"],
  ["a-eagle-427", "an adjective of one letter"],
  ["golden-e-427", "a noun of one letter"],
  [`${letters(21)}-eagle-427`, "an adjective of 21 letters"],
  [`golden-${letters(21)}-427`, "a noun of 21 letters"],
  ["Golden-eagle-427", "a capital"],
  ["golden_eagle_427", "other separators"],
  ["golden-bald-eagle-427", "three words"],
  ["göldener-adler-427", "a letter beyond ASCII"],
  ["golden-eagle-٤٢٧", "digits beyond ASCII"],
  [" golden-eagle-427", "a space before"],
  ["golden-eagle-427\n", "a line's end"],
  ["", "nothing"],
])("%j is no session's id: %s", (id) => {
  expect(messageOf(sessionIdSchema, id)).toBe("INVALID_SESSION_ID");
});

test.each([
  ["Golden-eagle-427", "a phone's capital"],
  ["GOLDEN-EAGLE-427", "capitals"],
  ["  golden-eagle-427 \n", "blanks around"],
  ["golden eagle 427", "blanks between"],
  ["golden\u00a0eagle\u3000427", "blanks that do not break, and wide ones"],
  ["golden\u2010eagle\u2011427", "typographic hyphens"],
  ["golden\u2013eagle\u2014427", "dashes"],
  ["golden\u2212eagle\uff0d427", "a minus sign, and a wide hyphen"],
  ["golden - eagle--427", "more than one of them"],
])("rule 15: %j is golden-eagle-427 to the server: %s", (typed) => {
  expect(v.parse(typedSessionIdSchema, typed)).toBe("golden-eagle-427");
  expect(messageOf(sessionIdSchema, typed)).toBe("INVALID_SESSION_ID");
});

test.each([
  "",
  " ",
  "golden_eagle_427",
  "golden.eagle.427",
  "goldeneagle427",
  "-golden-eagle-427",
  "golden-eagle-427-",
  "golden-bald-eagle-427",
  "golden-eagle-٤٢٧",
  "golden\u200beagle-427",
])("rule 15: %j is nobody's way to type an id", (typed) => {
  expect(messageOf(typedSessionIdSchema, typed)).toBe("INVALID_SESSION_ID");
});

test.each(["en", "es", "pt-PT", "zh-TW", "fr-CA"])("%s has the form of a language's code", (code) => {
  expect(v.parse(languageCodeSchema, code)).toBe(code);
});

test.each([
  "",
  "e",
  "eng",
  "EN",
  "En",
  "en-us",
  "en-USA",
  "en_US",
  "en-",
  "-US",
  "en-U1",
  " en",
  "en\n",
  "én",
])("%j has not the form of a language's code", (code) => {
  expect(messageOf(languageCodeSchema, code)).toBe("INVALID_LANGUAGE");
});

test("a value that is no text is a wrong parameter, not a wrong id or language", () => {
  for (const schema of [
    sessionIdSchema,
    typedSessionIdSchema,
    languageCodeSchema,
    qualityTierSchema,
    roleSchema,
  ]) {
    for (const input of [undefined, null, 7, true, {}, ["en"]]) {
      expect(messageOf(schema, input)).toBe("INVALID_PARAMETERS");
    }
  }
});

test("there are two tiers, two roles and four reasons to end", () => {
  expect(qualityTierSchema.options).toEqual(["standard", "premium"]);
  expect(roleSchema.options).toEqual(["speaker", "listener"]);
  expect(endReasonSchema.options).toEqual(["speakerLeft", "speakerLost", "expired", "ended"]);
  expect(messageOf(qualityTierSchema, "Standard")).toBe("INVALID_PARAMETERS");
  expect(messageOf(roleSchema, "refused")).toBe("INVALID_PARAMETERS");
});

test("the limits are API Gateway's", () => {
  expect(limits).toEqual({
    frameBytes: 32_768,
    messageBytes: 131_072,
    urlCharacters: 4_096,
    welcomeMs: 5_000,
  });
});
