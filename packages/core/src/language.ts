import languages from "./data/languages.json" with { type: "json" };
import { Failure } from "./failure.js";

/**
 * How Polly calls the language that Translate writes for a code: the two do not share their codes. Where Polly has
 * several regions, it is the one that Translate's plain code means, or else the largest. It names a language whether or
 * not Polly has a neural voice for it: whether it has, the data says.
 */
export const spokenAs: Readonly<Record<string, string>> = {
  // Translate writes Modern Standard Arabic, but Polly's voice for that (arb) is a standard one; Gulf Arabic's are neural.
  ar: "ar-AE",
  ca: "ca-ES",
  cs: "cs-CZ",
  cy: "cy-GB",
  da: "da-DK",
  de: "de-DE",
  en: "en-US",
  es: "es-ES",
  "es-MX": "es-MX",
  fi: "fi-FI",
  fr: "fr-FR",
  "fr-CA": "fr-CA",
  hi: "hi-IN",
  is: "is-IS",
  it: "it-IT",
  ja: "ja-JP",
  ko: "ko-KR",
  nl: "nl-NL",
  no: "nb-NO",
  pl: "pl-PL",
  pt: "pt-BR",
  "pt-PT": "pt-PT",
  ro: "ro-RO",
  ru: "ru-RU",
  sv: "sv-SE",
  tr: "tr-TR",
  // The two differ in their characters, not in their sound: both are Mandarin, and Polly has but one.
  zh: "cmn-CN",
  "zh-TW": "cmn-CN",
};

const sources = new Set(languages.translate);

const targets = new Set(
  Object.entries(spokenAs)
    .filter(([code, spoken]) => sources.has(code) && Object.hasOwn(languages.neural, spoken))
    .map(([code]) => code),
);

/**
 * The code under which Translate knows a language that a speaker speaks.
 * @throws {Failure} `UNSUPPORTED_LANGUAGE` unless Amazon Translate translates from it.
 */
export const requireSource = (code: string): string => requireOffered(sources, code, "sourceLanguage");

/**
 * The code under which Translate knows a language that a listener wants to hear.
 *
 * The session's source plays no part, so that a refusal costs no write: Translate's text translation is between any two
 * languages of its list, variants of one language included. Nor is the source itself refused, for which Translate does
 * not charge: who shares the speaker's language, or whose phone has chosen it, is let in with the rest of the hall.
 * @throws {Failure} `UNSUPPORTED_LANGUAGE` unless Amazon Translate translates to it and Amazon Polly speaks it with a
 * neural voice.
 */
export const requireTarget = (code: string): string => requireOffered(targets, code, "targetLanguage");

const requireOffered = (offered: ReadonlySet<string>, code: string, parameter: string): string => {
  const known = canonical(code);
  if (offered.has(known)) return known;
  throw new Failure("UNSUPPORTED_LANGUAGE", `Language ${code} is not supported as ${parameter}`, {
    details: { parameter },
  });
};

/**
 * Translate's `no` is Bokmål, which ISO 639-1, and so a browser, also calls `nb`. Only Translate's code goes further, or
 * one language would be two, in the index and to the pipeline.
 */
const canonical = (code: string): string => (code === "nb" ? "no" : code);
