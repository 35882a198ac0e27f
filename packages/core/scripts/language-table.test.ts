import { expect, test } from "vitest";
import { languageTable } from "./language-table.js";

// Answers of ListLanguages and DescribeVoices.
const listed = [
  { LanguageName: "Auto", LanguageCode: "auto" },
  { LanguageName: "Chinese (Traditional)", LanguageCode: "zh-TW" },
  { LanguageName: "Chinese (Simplified)", LanguageCode: "zh" },
  { LanguageName: "Afrikaans", LanguageCode: "af" },
];

const voice = (Id: string, LanguageCode: string, AdditionalLanguageCodes: string[] = []) => ({
  Id,
  LanguageCode,
  AdditionalLanguageCodes,
  Gender: "Female",
  LanguageName: LanguageCode,
  Name: Id,
  SupportedEngines: ["neural"],
});

const described = [voice("Zhiyu", "cmn-CN"), voice("Vicki", "de-DE"), voice("Daniel", "de-DE")];

test("the services' answers become a sorted, dated table, without the guessed language", () => {
  const table = languageTable(listed, described, "2026-12-01");
  expect(table.translate).toEqual(["af", "zh", "zh-TW"]);
  expect(table.source.date).toBe("2026-12-01");
  expect(JSON.stringify(table.neural)).toBe('{"cmn-CN":["Zhiyu"],"de-DE":["Daniel","Vicki"]}');
});

test("a bilingual voice speaks both its languages", () => {
  const { neural } = languageTable(listed, [voice("Kajal", "en-IN", ["hi-IN"])], "2026-12-01");
  expect(neural).toEqual({ "en-IN": ["Kajal"], "hi-IN": ["Kajal"] });
});

test("duplicates count once, and entries without a code or an id do not count", () => {
  const table = languageTable(
    [...listed, ...listed, {}],
    [...described, ...described, { Id: "Nobody" }, { LanguageCode: "xx-XX" }],
    "2026-12-01",
  );
  expect(table).toEqual(languageTable(listed, described, "2026-12-01"));
});

test("an empty answer is refused rather than written", () => {
  expect(() => languageTable([{ LanguageCode: "auto" }], described, "2026-12-01")).toThrow("Translate");
  expect(() => languageTable(listed, [], "2026-12-01")).toThrow("Polly");
});
