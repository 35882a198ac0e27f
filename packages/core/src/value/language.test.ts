import { languageCodeSchema } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import languages from "../data/languages.json" with { type: "json" };
import { Failure } from "./failure.js";
import { requireSource, requireTarget, spokenAs } from "./language.js";

const refused = (code: string, parameter: string) => ({
  code: "UNSUPPORTED_LANGUAGE",
  message: `Language ${code} is not supported as ${parameter}`,
  details: { parameter },
});

/** The accepted code, or the refusal. */
const outcome = (act: () => string): unknown => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, details } = error;
    return { code, message, details };
  }
};

const neural: readonly string[] = Object.keys(languages.neural);

test.each([
  ["ar", "spoken with a Gulf voice, since the one for Modern Standard Arabic is not neural"],
  ["ca", "Catalan"],
  ["cs", "Czech"],
  ["en", "English, also from English"],
  ["es-MX", "a region that both have"],
  ["fr-CA", "a region that both have"],
  ["hi", "spoken by a bilingual voice"],
  ["no", "Norwegian, as Translate calls it"],
  ["pt-PT", "a region that both have"],
  ["tr", "Turkish"],
  ["zh", "written in simplified characters"],
  ["zh-TW", "written in traditional characters, spoken as the same Mandarin"],
])("rule 2: a listener may ask for %s (%s)", (code) => {
  expect(outcome(() => requireTarget(code))).toBe(code);
});

test.each([
  ["cy", "Polly's Welsh voice is a standard one"],
  ["is", "Polly's Icelandic voices are standard ones"],
  ["ro", "Polly's Romanian voice is a standard one"],
  ["ru", "Polly's Russian voices are standard ones"],
  ["tl", "Polly does not speak Filipino"],
  ["uk", "Polly does not speak Ukrainian"],
  ["fa-AF", "Polly does not speak Dari"],
  ["en-GB", "Polly speaks it, Translate has but one English"],
  ["pt-BR", "to Translate this is pt"],
  ["zh-CN", "to Translate this is zh"],
  ["nn", "Translate's Norwegian is Bokmål"],
  ["xx", "nobody knows it"],
])("rule 2: a listener may not ask for %s (%s)", (code) => {
  expect(outcome(() => requireTarget(code))).toEqual(refused(code, "targetLanguage"));
});

test.each(["af", "ar", "cy", "en", "es-MX", "fa-AF", "fr-CA", "no", "pt-PT", "ru", "tl", "zh-TW"])(
  "rule 1: a speaker may speak %s, which Translate translates from",
  (code) => {
    expect(outcome(() => requireSource(code))).toBe(code);
  },
);

test.each(["xx", "la", "en-GB", "pt-BR", "auto"])("rule 1: a speaker may not speak %s", (code) => {
  expect(outcome(() => requireSource(code))).toEqual(refused(code, "sourceLanguage"));
});

test("rule 15: nb is taken for Translate's no, so that Norwegian is one language", () => {
  expect([requireSource("nb"), requireTarget("nb")]).toEqual(["no", "no"]);
});

test("no name that every object has is a language", () => {
  for (const code of ["constructor", "toString", "__proto__"]) {
    expect(outcome(() => requireTarget(code))).toEqual(refused(code, "targetLanguage"));
    expect(outcome(() => requireSource(code))).toEqual(refused(code, "sourceLanguage"));
  }
});

test("rule 15: every code of Translate passes on the wire", () => {
  expect(languages.translate.filter((code) => !v.is(languageCodeSchema, code))).toEqual([]);
});

test("the table is dated, sorted, without repeats, and every language in it has a voice", () => {
  expect(languages.source.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  const { translate } = languages;
  const lists = [translate, neural, ...Object.values(languages.neural)];
  for (const list of lists) expect(list).toEqual([...new Set(list)].sort());
  expect(lists.filter((list) => list.length === 0)).toEqual([]);
});

test("the two systems of codes are joined without a slip", () => {
  expect(Object.keys(spokenAs).filter((code) => !languages.translate.includes(code))).toEqual([]);
  const standardOnly = Object.values(spokenAs).filter((code) => !neural.includes(code));
  expect(standardOnly).toEqual(["cy-GB", "is-IS", "ro-RO", "ru-RU"]);
});

test("every language with a neural voice is offered, but for those that Translate does not write", () => {
  const spoken = new Set(Object.values(spokenAs).map((code) => code.split("-")[0]));
  const silent = neural.filter((code) => !spoken.has(code.split("-")[0]));
  // Cantonese
  expect(silent).toEqual(["yue-CN"]);
});
