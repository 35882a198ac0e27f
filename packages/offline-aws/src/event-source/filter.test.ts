import { describe, expect, test } from "vitest";
import { UserError } from "../user-error.js";
import { compileFilters } from "./filter.js";

const passes = (event: unknown, ...patterns: object[]): boolean =>
  compileFilters(
    patterns.map((pattern) => JSON.stringify(pattern)),
    "Mapping",
  )(event);

const record = {
  eventName: "MODIFY",
  dynamodb: {
    Keys: { sessionId: { S: "s-1" } },
    NewImage: {
      isActive: { BOOL: false },
      count: { N: "5" },
      tags: { SS: ["red", "blue"] },
      gone: { NULL: true },
    },
    OldImage: { isActive: { BOOL: true } },
    SizeBytes: 59,
  },
};

describe("filters", () => {
  test("without a pattern everything passes", () => {
    expect(passes(record)).toBe(true);
  });

  test("an exact value matches its own type only", () => {
    expect(passes(record, { dynamodb: { NewImage: { isActive: { BOOL: [false] } } } })).toBe(true);
    expect(passes(record, { dynamodb: { NewImage: { isActive: { BOOL: ["false"] } } } })).toBe(false);
    expect(passes(record, { dynamodb: { NewImage: { count: { N: ["5"] } } } })).toBe(true);
    expect(passes(record, { dynamodb: { NewImage: { count: { N: [5] } } } })).toBe(false);
    expect(passes({ note: null, name: "" }, { note: [null], name: [""] })).toBe(true);
  });

  test("fields are all needed, values and patterns are alternatives", () => {
    const ended = { NewImage: { isActive: { BOOL: [false] } }, OldImage: { isActive: { BOOL: [true] } } };
    expect(passes(record, { dynamodb: ended })).toBe(true);
    expect(passes(record, { dynamodb: { ...ended, OldImage: { isActive: { BOOL: [false] } } } })).toBe(false);
    expect(passes(record, { eventName: ["INSERT", "MODIFY"] })).toBe(true);
    expect(passes(record, { eventName: ["INSERT"] }, { eventName: ["MODIFY"] })).toBe(true);
    expect(passes(record, { eventName: ["INSERT"] }, { eventName: ["REMOVE"] })).toBe(false);
  });

  test("$or takes one of several fields, beside the others", () => {
    const either = { $or: [{ eventName: ["INSERT"] }, { dynamodb: { SizeBytes: [59] } }] };
    expect(passes(record, either)).toBe(true);
    expect(passes(record, { ...either, eventName: ["REMOVE"] })).toBe(false);
  });

  test("exists looks at leaves: an attribute's object is none, its typed value is one", () => {
    const image = (rules: object) => ({ dynamodb: { NewImage: rules } });
    expect(passes(record, image({ isActive: { BOOL: [{ exists: true }] } }))).toBe(true);
    expect(passes(record, image({ isActive: [{ exists: true }] }))).toBe(false);
    expect(passes(record, image({ isActive: [{ exists: false }] }))).toBe(true);
    expect(passes(record, image({ graceUntil: { N: [{ exists: false }] } }))).toBe(true);
    expect(passes(record, image({ graceUntil: { N: [{ exists: true }] } }))).toBe(false);
  });

  test("exists: false also holds where the whole image is missing", () => {
    const removal = { dynamodb: { Keys: {} } };
    expect(passes(removal, { dynamodb: { NewImage: { isActive: { BOOL: [{ exists: false }] } } } })).toBe(
      true,
    );
  });

  test("prefix, suffix and anything-but work on strings", () => {
    const key = (...rules: unknown[]) => ({ dynamodb: { Keys: { sessionId: { S: rules } } } });
    expect(passes(record, key({ prefix: "s-" }))).toBe(true);
    expect(passes(record, key({ prefix: "t-" }))).toBe(false);
    expect(passes(record, key({ suffix: "-1" }))).toBe(true);
    expect(passes(record, key({ "anything-but": "s-1" }))).toBe(false);
    expect(passes(record, key({ "anything-but": ["s-2", "s-3"] }))).toBe(true);
    expect(passes({}, key({ "anything-but": "s-1" }))).toBe(false);
  });

  test("a list stands for its members", () => {
    expect(passes(record, { dynamodb: { NewImage: { tags: { SS: ["blue"] } } } })).toBe(true);
    expect(passes(record, { dynamodb: { NewImage: { tags: { SS: ["green"] } } } })).toBe(false);
  });

  test.each([
    ["no JSON", "{", "not valid"],
    ["a bare value", '{"eventName":"INSERT"}', "eventName must be an object or a list"],
    ["an unknown rule", '{"eventName":[{"wildcard":"I*"}]}', "the local stack has no rule"],
    ["a comparison of numbers", '{"n":[{"numeric":[">",1]}]}', "the local stack has no rule"],
    ["exists without a boolean", '{"eventName":[{"exists":"yes"}]}', "true or false"],
    ["a prefix that is no string", '{"n":[{"prefix":1}]}', "needs a string"],
  ])("%s is refused in a sentence", (_, pattern, said) => {
    const compiled = () => compileFilters([pattern], "Orders");
    expect(compiled).toThrow(said);
    expect(compiled).toThrow(UserError);
    expect(compiled).toThrow(/^Mapping Orders: /);
  });
});
