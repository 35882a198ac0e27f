import { ServiceError } from "./error.js";

export type Matches = (message: string) => boolean;

/**
 * Reads a CloudWatch Logs filter pattern: an empty one, terms that must all occur, or the equality of one field
 * (`{ $.level = "ERROR" }`, with `*` for any characters).
 * @throws {ServiceError} for the rest of CloudWatch's patterns: optional and excluded terms, other comparisons, `%regex%`
 */
export const filterPattern = (pattern: string): Matches => {
  const text = pattern.trim();
  if (text.startsWith("{")) return equality(text);
  const terms = termsOf(text);
  return (message) => terms.every((term) => message.includes(term));
};

const term = /\s*(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)/y;

const termsOf = (text: string): string[] => {
  const terms: string[] = [];
  term.lastIndex = 0;
  for (let end = 0; end < text.length; end = term.lastIndex) {
    const match = term.exec(text);
    if (!match) throw refused(text.slice(end).trim());
    const [, quoted, plain = ""] = match;
    terms.push(quoted?.replace(/\\(.)/g, "$1") ?? plain);
  }
  return terms;
};

const equality = (text: string): Matches => {
  const [match, selector = "", quoted, plain = ""] =
    /^\{\s*\$\.([\w.@-]+)\s*=\s*(?:"([^"]*)"|([\w.*@-]+))\s*\}$/.exec(text) ?? [];
  if (!match) throw refused(text);
  const pattern = wildcards(quoted ?? plain);
  return (message) => {
    const value = fieldIn(message, selector.split("."));
    if (typeof value === "string") return pattern.test(value);
    return typeof value === "number" && quoted === undefined && value === Number(plain);
  };
};

const wildcards = (value: string): RegExp =>
  new RegExp(`^${value.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "s");

/** Undefined for a message that is not a JSON object. */
const fieldIn = (message: string, path: readonly string[]): unknown => {
  if (!message.startsWith("{")) return undefined;
  try {
    return path.reduce<unknown>((value, key) => Object(value)[key], JSON.parse(message));
  } catch {
    return undefined;
  }
};

const refused = (part: string): ServiceError =>
  new ServiceError(
    "InvalidParameterException",
    `The local stack cannot filter by ${part}: it takes words, phrases in double quotes, or one field's equality such as { $.level = "ERROR" }.`,
  );
