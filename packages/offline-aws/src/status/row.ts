import type { AttributeValue, Item } from "../dynamodb/index.js";

/** A value can have 400 KB; the page shows this many characters of it. */
const maxLength = 1_000;

/** An item's attributes as text, for reading: `{S: "x"}` is `x`, a map is JSON. */
export const rowOf = (item: Item): Record<string, string> =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => {
      const plain = plainOf(value);
      return [name, (typeof plain === "string" ? plain : JSON.stringify(plain)).slice(0, maxLength)];
    }),
  );

const plainOf = (value: AttributeValue): unknown => {
  if (value.N !== undefined) return Number(value.N);
  if (value.L) return value.L.map(plainOf);
  if (value.M)
    return Object.fromEntries(Object.entries(value.M).map(([name, inner]) => [name, plainOf(inner)]));
  return value.S ?? value.BOOL ?? value.B ?? value.SS ?? value.NS?.map(Number) ?? value.BS ?? null;
};
