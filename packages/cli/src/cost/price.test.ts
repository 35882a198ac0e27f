import { expect, test } from "vitest";
import { priced, priceList } from "./price.js";

const million = 1_000_000;

const messages = {
  unit: "million messages",
  per: million,
  tiers: [{ upTo: 1_000 * million, price: 1 }, { price: 0.8 }],
};

test("a quantity in the first tier costs that tier's price", () => {
  expect(priced(messages, "frames", 9_180_000)).toEqual({
    what: "frames",
    quantity: 9.18,
    unit: "million messages",
    price: 1,
    dollars: 9.18,
  });
});

test("the part beyond a tier costs the next tier's price", () => {
  const { dollars, price } = priced(messages, "frames", 1_500 * million);
  // 1,000 at 1.00, 500 at 0.80
  expect(dollars).toBeCloseTo(1_400, 9);
  expect(price).toBeCloseTo(1_400 / 1_500, 9);
});

test("lines with one price fill its tiers one after the other", () => {
  const dollars = [
    priced(messages, "in", 900 * million),
    priced(messages, "out", 900 * million, 900 * million),
    priced(messages, "more", 100 * million, 1_800 * million),
  ].map((item) => Math.round(item.dollars * 100) / 100);
  // 900 at 1.00; 100 at 1.00 and 800 at 0.80; 100 at 0.80
  expect(dollars).toEqual([900, 740, 80]);
});

test("of four tiers each takes its share", () => {
  const { dollars } = priced(priceList.prices.metrics, "metrics", 1_100_000);
  expect(dollars).toBeCloseTo(10_000 * 0.3 + 240_000 * 0.1 + 750_000 * 0.05 + 100_000 * 0.02, 6);
});

test("a quantity of zero costs nothing, and still shows a price", () => {
  expect(priced(messages, "frames", 0)).toEqual({
    what: "frames",
    quantity: 0,
    unit: "million messages",
    price: 1,
    dollars: 0,
  });
});

test("the first 10,000 users are free, the next are not", () => {
  const dollars = (users: number) => priced(priceList.prices.activeUsers, "users", users).dollars;
  expect(dollars(10_000)).toBe(0);
  expect(dollars(10_001)).toBeCloseTo(0.015, 9);
  expect(dollars(12_000)).toBeCloseTo(30, 9);
});

test("every price names AWS's page, and its source when it was not read there", () => {
  for (const { page, sure, note } of Object.values(priceList.prices)) {
    expect(new URL(page).hostname).toBe("aws.amazon.com");
    expect(["documented", "published", "from memory"]).toContain(sure);
    if (sure === "published") expect(note).toMatch(/https:\/\//);
  }
});

test("every price has a positive unit and tiers of which only the last has no end", () => {
  for (const { per, tiers } of Object.values(priceList.prices)) {
    expect(per).toBeGreaterThan(0);
    expect(tiers.map(({ upTo }) => upTo).indexOf(undefined)).toBe(tiers.length - 1);
  }
});
