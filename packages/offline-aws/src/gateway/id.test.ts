import { expect, test } from "vitest";
import { createId, isWellFormedId } from "./id.js";

test("1.1: ids have 16 characters and end in =, so that they must be URL-encoded; none comes twice", () => {
  const ids = Array.from({ length: 5_000 }, createId);
  for (const id of ids) {
    expect(id).toMatch(/^[\w-]{15}=$/);
    expect(isWellFormedId(id)).toBe(true);
    expect(Buffer.from(id, "base64url")).toHaveLength(11);
  }
  expect(new Set(ids).size).toBe(ids.length);
});
