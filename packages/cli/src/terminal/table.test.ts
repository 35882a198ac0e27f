import { expect, test } from "vitest";
import { table } from "./table.js";

test("a column of numbers with units is aligned to the right, any other to the left", () => {
  const text = table(
    ["what", "took", "limit", "seen"],
    [
      ["a", "4.0 ms", "≤ 2 s", "3 welcomes"],
      ["longer", "12 ms", "–", "yes"],
    ],
  );
  expect(text.split("\n")).toEqual([
    "  what      took  limit  seen",
    "  a       4.0 ms  ≤ 2 s  3 welcomes",
    "  longer   12 ms      –  yes",
  ]);
});
