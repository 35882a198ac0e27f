import languages from "./data/languages.json" with { type: "json" };
import { Failure } from "./failure.js";

const sources = new Set(languages.source);
const targets = new Set(languages.target);

/** @throws {Failure} `UNSUPPORTED_LANGUAGE` unless Amazon Translate translates from it. */
export const requireSource = (code: string): void => {
  if (!sources.has(code)) throw unsupported("sourceLanguage", code);
};

/** @throws {Failure} `UNSUPPORTED_LANGUAGE` unless Amazon Translate translates to it and Amazon Polly speaks it with a neural voice. */
export const requireTarget = (code: string): void => {
  if (!targets.has(code)) throw unsupported("targetLanguage", code);
};

const unsupported = (parameter: string, code: string): Failure =>
  new Failure("UNSUPPORTED_LANGUAGE", `Language ${code} is not supported as ${parameter}`, {
    details: { parameter },
  });
