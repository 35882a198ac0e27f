import languages from "../data/languages.json" with { type: "json" };
import { Failure } from "./failure.js";

/**
 * Polly's code for each language code of Translate. The two services do not share their codes. Where Polly has several
 * regions for a language, this is the region that Translate's plain code means, or else the largest one. A language is
 * listed whether or not Polly has a neural voice for it; `languages.json` knows the voices.
 */
export const spokenAs: Readonly<Record<string, string>> = {
  // Translate writes Modern Standard Arabic. Polly's voice for that (arb) is a standard one; Gulf Arabic has neural voices.
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
  // The two differ in their characters, not in their sound: both are Mandarin, and Polly has one code for it.
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
 * Translate's code for the language that a speaker speaks.
 * @throws {Failure} `UNSUPPORTED_LANGUAGE` unless Amazon Translate translates from it.
 */
export const requireSource = (code: string): string => requireOffered(sources, code, "sourceLanguage");

/**
 * Translate's code for the language that a listener wants to hear.
 *
 * The session's source language plays no part, so a refusal costs no read and no write: Translate translates between any
 * two languages of its list, including variants of one language. A listener may also ask for the source language itself,
 * for which Translate does not charge. Otherwise a listener who shares the speaker's language would be locked out.
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
 * Translate calls Bokmål `no`; ISO 639-1, and so a browser, also calls it `nb`. Only Translate's code is stored.
 * Otherwise the index and the pipeline would treat one language as two.
 */
const canonical = (code: string): string => (code === "nb" ? "no" : code);
