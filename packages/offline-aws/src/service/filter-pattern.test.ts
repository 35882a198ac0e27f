import { describe, expect, test } from "vitest";
import { ServiceError } from "./error.js";
import { filterPattern } from "./filter-pattern.js";

const matches = (pattern: string, message: string) => filterPattern(pattern)(message);

test.each(["", "  "])("nothing, %j, matches everything", (pattern) => {
  expect(matches(pattern, "anything")).toBe(true);
});

describe("terms", () => {
  test("must all occur, in any order", () => {
    expect(matches("ERROR timeout", "timeout: ERROR")).toBe(true);
    expect(matches("ERROR timeout", "ERROR")).toBe(false);
  });

  test("match inside a longer word, and case matters", () => {
    expect(matches("eyJ", "token=eyJhbGciOi")).toBe(true);
    expect(matches("error", "ERROR")).toBe(false);
  });

  test("in quotes may contain any character", () => {
    expect(matches('"golden-eagle-427"', '{"sessionId":"golden-eagle-427"}')).toBe(true);
    expect(matches('"golden-eagle-427"', "golden eagle 427")).toBe(false);
    expect(matches('"\\"code\\":429" ERROR', '{"code":429,"level":"ERROR"}')).toBe(true);
  });
});

describe("an equality", () => {
  test("compares one field of a JSON object", () => {
    expect(matches('{ $.level = "ERROR" }', '{"level":"ERROR"}')).toBe(true);
    expect(matches('{$.level="ERROR"}', '{"level":"INFO"}')).toBe(false);
    expect(matches('{ $.level = "ERROR" }', '{"message":"ERROR"}')).toBe(false);
    expect(matches('{ $.level = "ERROR" }', "level ERROR")).toBe(false);
    expect(matches('{ $.level = "ERROR" }', '{"level":"ERROR"')).toBe(false);
  });

  test("reaches into objects", () => {
    expect(matches('{ $.error.code = "FULL" }', '{"error":{"code":"FULL"}}')).toBe(true);
    expect(matches('{ $.error.code = "FULL" }', '{"error":null}')).toBe(false);
  });

  test("compares a number without quotes with a number", () => {
    expect(matches("{ $.status = 429 }", '{"status":429}')).toBe(true);
    expect(matches("{ $.status = 429 }", '{"status":4290}')).toBe(false);
    expect(matches('{ $.status = "429" }', '{"status":429}')).toBe(false);
  });

  test("takes a word without quotes for text, and a star for any characters", () => {
    expect(matches("{ $.level = ERROR }", '{"level":"ERROR"}')).toBe(true);
    expect(matches('{ $.id = "golden-*" }', '{"id":"golden-eagle-427"}')).toBe(true);
    expect(matches('{ $.id = "golden.*" }', '{"id":"golden-eagle-427"}')).toBe(false);
  });
});

test.each([
  "?ERROR ?WARN",
  "ERROR -timeout",
  "golden-eagle-427",
  '"open',
  "%eyJ.*%",
  "[ip, user, ...]",
  "{ $.status > 400 }",
  '{ $.level != "INFO" }',
  '{ ($.level = "ERROR") && ($.status = 500) }',
  "{ $.level IS NULL }",
  "{ $.level = }",
])("%s is refused with a sentence", (pattern) => {
  expect(() => filterPattern(pattern)).toThrow(ServiceError);
  expect(() => filterPattern(pattern)).toThrow(/^The local stack cannot filter by .+: it takes words, /);
});
