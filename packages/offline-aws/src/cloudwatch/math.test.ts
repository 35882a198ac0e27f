import { expect, test } from "vitest";
import { evaluateMath, parseMath, type Series } from "./math.js";

const none = undefined;

const evaluate = (source: string, metrics: Readonly<Record<string, Series>>): Series => {
  const series = new Map(Object.entries(metrics));
  return evaluateMath(parseMath(source), {
    seriesOf: (id) => series.get(id) ?? [],
  });
};

test.each<[string, Series]>([
  ["m1 + m2 * 2", [21, 42]],
  ["(m1 + m2) * 2", [22, 44]],
  ["-m1 + 100 / m2", [9, 3]],
  ["10 - 4 - m1", [5, 4]],
  ["IF(m1 > 1, m2, 0)", [0, 20]],
  ["IF(m1 > 1 AND m2 >= 20 || m1 == 7, 1, -1)", [-1, 1]],
])("%s is computed for each period", (source, expected) => {
  const computed = evaluate(source, { m1: [1, 2], m2: [10, 20] });
  expect(computed.map((value) => Number(value?.toFixed(9)))).toEqual(expected);
});

test("in arithmetic a missing value counts as 0 where another series has a value", () => {
  expect(evaluate("m1 + m2", { m1: [1, none, none], m2: [none, 2, none] })).toEqual([1, 2, none]);
  expect(evaluate("m1 + 1", { m1: [1, none] })).toEqual([2, none]);
  expect(evaluate("1 + m1", { m1: [1, none] })).toEqual([2, none]);
});

test("a division by zero drops the point", () => {
  expect(evaluate("m1 / m2", { m1: [4, 4, 4], m2: [2, 0, none] })).toEqual([2, none, none]);
});

test("FILL replaces missing values with a number", () => {
  expect(evaluate("FILL(m1, 0)", { m1: [none, 3, none] })).toEqual([0, 3, 0]);
});

test("IF behaves as the documentation's examples do", () => {
  const metrics = { m1: [1, 1, 0, 0, none], m2: [30, none, 0, 0, 30], m3: [0, 0, 20, none, 20] };
  expect(evaluate("IF(m1, m2, m3)", metrics)).toEqual([30, 0, 20, none, none]);
  expect(evaluate("IF(m1, 5, m3)", metrics)).toEqual([5, 5, 20, none, none]);
  expect(evaluate("IF(m1, m2, 5)", metrics)).toEqual([30, 0, 5, 5, none]);
  expect(evaluate("IF(m1, m2)", metrics)).toEqual([30, 0, none, none, none]);
});

test.each([
  ["ANOMALY_DETECTION_BAND(m1, 2)", "ANOMALY_DETECTION_BAND is not supported."],
  ["SUM([m1, m2])", "SUM is not supported."],
  ["[m1, m2]", "A list of time series is not supported."],
  ["FILL(m1, REPEAT)", "REPEAT is not supported."],
  ["FILL(m1)", "FILL takes a time series and a number"],
  ["m1 ^ 2", "^ is not supported."],
  ["m1 +", '"m1 +" cannot be read: Expected expression after +'],
  ["(m1", '"(m1" cannot be read: Unclosed ('],
  ["m1 m2", "is one expression of metric math"],
  ["m1 ? 1 : 2", "is one expression of metric math"],
  ["!m1", "! is not supported."],
  ["IF(REPEAT, 1, 2)", "REPEAT is not supported."],
  ['m1 + "a"', 'The text "a" there is not supported.'],
  ["5 * 2", "does not yield one"],
  ["IF(m1)", "takes 2 to 3"],
])("%s is refused with a sentence", (source, sentence) => {
  expect(() => evaluate(source, { m1: [1], m2: [2] })).toThrow(sentence);
});
