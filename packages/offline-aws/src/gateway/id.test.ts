import { expect, test } from "vitest";
import { createId, isWellFormedId } from "./id.js";

test("1.1: ids have 16 characters and end in =, so that they must be URL-encoded; none comes twice", () => {
  const ids = Array.from({ length: 5_000 }, createId);
  // One assertion for all: 15,000 of them would take a second.
  const isRight = (id: string) =>
    /^[\w-]{15}=$/.test(id) && isWellFormedId(id) && Buffer.from(id, "base64url").length === 11;
  expect(ids.filter((id) => !isRight(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});
