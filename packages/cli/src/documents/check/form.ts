import type { Document, Finding, Placed } from "./document.js";

/** What is half written: rows of a table that do not fit its header, and words that stand for a text to come. */
export const checkForm = ({ path, lines, blocks }: Document): Finding[] => [
  ...wrongRows(lines).map(({ line }) => ({
    path,
    line,
    what: "the row has not as many cells as its header",
  })),
  ...lines
    .filter(({ text }) => /^[A-Z]+(_[A-Z]+)+$/.test(text.trim()))
    .map(({ text, line }) => ({ path, line, what: `${text.trim()} stands for a text that is missing` })),
  ...blocks
    .filter(({ language }) => language === "")
    .map(({ line }) => ({ path, line, what: "the block does not say what language it is in" })),
  ...blocks
    .filter(({ language }) => language === "json")
    .filter(({ text }) => !isJson(text))
    .map(({ line }) => ({ path, line, what: "the block is not JSON" })),
];

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const cellsIn = (row: string): number => row.trim().replace(/\\\|/g, "").split("|").length - 2;

const wrongRows = (lines: readonly Placed[]): Placed[] => {
  let header = 0;
  return lines.filter(({ text }) => {
    if (!text.startsWith("|")) {
      header = 0;
      return false;
    }
    header ||= cellsIn(text);
    return cellsIn(text) !== header;
  });
};
