import { expect, test } from "vitest";
import { longestSequence } from "./sequence.js";

const span = (startedAt: number, endedAt: number) => ({ startedAt, endedAt });

test("nothing is a sequence of none", () => {
  expect(longestSequence([])).toBe(0);
});

test("what overlaps, even by a little, is no sequence", () => {
  expect(longestSequence([span(0, 10), span(1, 10), span(9.9, 12)])).toBe(1);
});

test("what starts as another ends is a sequence, in whatever order it is told", () => {
  expect(longestSequence([span(20, 30), span(0, 10), span(10, 20)])).toBe(3);
});

test("three side by side and one after them are a sequence of two", () => {
  expect(longestSequence([span(0, 25), span(1, 26), span(1, 27), span(30, 55)])).toBe(2);
});

test("a long one beside two short ones does not hide their sequence", () => {
  expect(longestSequence([span(0, 100), span(1, 20), span(30, 50), span(101, 110)])).toBe(3);
});
