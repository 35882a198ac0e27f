import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalNumber, itemSize, sameItem, withCanonicalNumbers } from "./item.js";

test.each([
  ["1", "1"],
  ["+1.0", "1"],
  ["-0.0", "0"],
  ["00.50", "0.5"],
  [".5", "0.5"],
  ["5.", "5"],
  ["12e-3", "0.012"],
  ["1.2345E3", "1234.5"],
  ["1e21", "1000000000000000000000"],
  ["-100", "-100"],
  ["0e5", "0"],
  ["12345678901234567890123456789012345678", "12345678901234567890123456789012345678"],
])("the number %s is kept as %s", (given, kept) => {
  expect(canonicalNumber(given)).toBe(kept);
});

test.each(["", "abc", ".", "1e", "--1", "NaN"])(
  "%j is no number and stays for the engine to refuse",
  (text) => {
    expect(canonicalNumber(text)).toBe(text);
  },
);

test("property: a number's spelling does not change its value", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e30, max: 1e30 }), (value) => {
      for (const text of [String(value), value.toExponential(), value.toFixed(10)]) {
        expect(Number(canonicalNumber(text))).toBe(Number(text) + 0 === 0 ? 0 : Number(text));
      }
    }),
  );
});

test("an item weighs its names and values in UTF-8", () => {
  expect(itemSize({ name: { S: "é€" } })).toBe(4 + 5);
  expect(itemSize({ n: { N: "101" } })).toBe(1 + 3);
  expect(itemSize({ n: { N: "-0.05" } })).toBe(1 + 3);
  expect(itemSize({ n: { N: "0" }, t: { BOOL: true }, u: { NULL: true } })).toBe(6);
  expect(itemSize({ b: { B: "AQID" } })).toBe(1 + 3);
  expect(itemSize({ s: { SS: ["ab", "c"] } })).toBe(1 + 3);
  expect(itemSize({ l: { L: [{ S: "ab" }] }, m: { M: { a: { S: "b" } } } })).toBe(
    1 + 3 + 1 + 2 + (1 + 3 + 1 + 2),
  );
});

test("items are the same whatever the order of sets and the spelling of numbers", () => {
  expect(sameItem({ a: { SS: ["x", "y"] }, n: { N: "1.0" } }, { n: { N: "1" }, a: { SS: ["y", "x"] } })).toBe(
    true,
  );
  expect(sameItem({ a: { NS: ["1", "2.0"] } }, { a: { NS: ["2", "1"] } })).toBe(true);
  expect(sameItem({ a: { SS: ["x"] } }, { a: { SS: ["x", "y"] } })).toBe(false);
  expect(sameItem({ a: { S: "1" } }, { a: { N: "1" } })).toBe(false);
  expect(sameItem({ a: { L: [{ S: "x" }, { S: "y" }] } }, { a: { L: [{ S: "y" }, { S: "x" }] } })).toBe(
    false,
  );
  expect(sameItem({ a: { M: { b: { BOOL: true } } } }, { a: { M: { b: { BOOL: false } } } })).toBe(false);
  expect(sameItem({ a: { NULL: true } }, {})).toBe(false);
});

test("an attribute called N keeps what it holds", () => {
  expect(withCanonicalNumbers({ N: { S: "1.0" }, NS: { NS: ["1.0"] }, S: { N: "1.0" } })).toEqual({
    N: { S: "1.0" },
    NS: { NS: ["1"] },
    S: { N: "1" },
  });
});
