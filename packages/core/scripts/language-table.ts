/** A language of Translate's `ListLanguages`. */
export interface ListedLanguage {
  readonly LanguageCode?: string | undefined;
}

/** A voice of Polly's `DescribeVoices`. */
export interface DescribedVoice {
  readonly Id?: string | undefined;
  readonly LanguageCode?: string | undefined;
  /** The other languages of a bilingual voice. */
  readonly AdditionalLanguageCodes?: readonly string[] | undefined;
}

/** The contents of `data/languages.json`. */
export interface LanguageTable {
  readonly source: {
    readonly translate: string;
    readonly polly: string;
    /** When the services were asked (`2026-11-23`). */
    readonly date: string;
    readonly how: string;
  };
  /** Translate's codes. */
  readonly translate: readonly string[];
  /** Polly's codes with the ids of the neural voices that speak them. */
  readonly neural: Readonly<Record<string, readonly string[]>>;
}

/**
 * Builds the table from the services' answers. It is sorted, so that a refresh shows only real changes.
 * @param voices the neural ones
 * @throws {Error} for an empty list: the table would offer nothing.
 */
export const languageTable = (
  languages: readonly ListedLanguage[],
  voices: readonly DescribedVoice[],
  date: string,
): LanguageTable => {
  // Translate lists `auto`, by which it guesses the source, but that is no language.
  const translate = sorted(
    languages.flatMap(({ LanguageCode }) => LanguageCode ?? []).filter((code) => code !== "auto"),
  );
  const spoken = voices.flatMap(({ Id, LanguageCode, AdditionalLanguageCodes = [] }) =>
    [LanguageCode, ...AdditionalLanguageCodes].flatMap((code) => (Id && code ? { code, Id } : [])),
  );
  const neural = sorted(spoken.map(({ code }) => code)).map(
    (language) =>
      [language, sorted(spoken.flatMap(({ code, Id }) => (code === language ? Id : [])))] as const,
  );
  if (translate.length === 0) throw new Error("Amazon Translate listed no languages");
  if (neural.length === 0) throw new Error("Amazon Polly described no neural voices");
  return {
    source: {
      translate: "https://docs.aws.amazon.com/translate/latest/APIReference/API_ListLanguages.html",
      polly: "https://docs.aws.amazon.com/polly/latest/dg/API_DescribeVoices.html",
      date,
      how: "Asked from the services with npm run languages: ListLanguages, and DescribeVoices with Engine=neural.",
    },
    translate,
    neural: Object.fromEntries(neural),
  };
};

const sorted = (values: readonly string[]): string[] => [...new Set(values)].sort();
