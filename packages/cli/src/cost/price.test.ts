import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PriceList, priced, readPrices } from "./price.js";

const million = 1_000_000;

const messages = {
  unit: "million messages",
  per: million,
  tiers: [{ upTo: 1_000 * million, price: 1 }, { price: 0.8 }],
};

let list: PriceList;
let folder: string;

beforeAll(async () => {
  list = await readPrices();
  folder = await mkdtemp(path.join(os.tmpdir(), "lectern-prices-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("what stays in the first tier costs that tier's price", () => {
  expect(priced(messages, [["frames", 9_180_000]])).toEqual([
    { what: "frames", quantity: 9.18, unit: "million messages", price: 1, dollars: 9.18 },
  ]);
});

test("what goes beyond a tier costs the next one's price there", () => {
  const [item] = priced(messages, [["frames", 1_500 * million]]);
  // 1,000 at 1.00, 500 at 0.80
  expect(item?.dollars).toBeCloseTo(1_400, 9);
  expect(item?.price).toBeCloseTo(1_400 / 1_500, 9);
});

test("parts of one meter fill its tiers one after the other", () => {
  const items = priced(messages, [
    ["in", 900 * million],
    ["out", 900 * million],
    ["more", 100 * million],
  ]);
  // 900 at 1.00; 100 at 1.00 and 800 at 0.80; 100 at 0.80
  expect(items.map(({ dollars }) => Math.round(dollars * 100) / 100)).toEqual([900, 740, 80]);
});

test("of four tiers each takes its share", () => {
  const [item] = priced(list.prices.metrics, [["metrics", 1_100_000]]);
  expect(item?.dollars).toBeCloseTo(10_000 * 0.3 + 240_000 * 0.1 + 750_000 * 0.05 + 100_000 * 0.02, 6);
});

test("nothing costs nothing, and still has a price", () => {
  expect(priced(messages, [["frames", 0]])).toEqual([
    { what: "frames", quantity: 0, unit: "million messages", price: 1, dollars: 0 },
  ]);
});

test("the first 10,000 users are free, the next are not", () => {
  const dollars = (users: number) => priced(list.prices.activeUsers, [["users", users]])[0]?.dollars;
  expect(dollars(10_000)).toBe(0);
  expect(dollars(10_001)).toBeCloseTo(0.015, 9);
  expect(dollars(12_000)).toBeCloseTo(30, 9);
});

test("every price says where AWS states it, and by whom it is known where AWS's own page was not seen", () => {
  for (const { page, sure, note } of Object.values(list.prices)) {
    expect(new URL(page).hostname).toBe("aws.amazon.com");
    if (sure === "published") expect(note).toMatch(/https:\/\//);
  }
});

const asSaved = async (change: (list: PriceList) => unknown): Promise<string> => {
  const file = path.join(folder, "prices.json");
  const original = JSON.parse(await readFile(path.join(import.meta.dirname, "prices.json"), "utf8"));
  await writeFile(file, JSON.stringify(change(original)));
  return readPrices(file).then(
    () => "read",
    (error: Error) => `${error.name}: ${error.message}`,
  );
};

test("a price list that is not well-formed is refused by the place that is wrong", async () => {
  expect(await asSaved((prices) => ({ ...prices, date: "yesterday" }))).toMatch(
    /^UserError: packages\/cli\/src\/cost\/prices\.json is wrong at date: /,
  );
  const { messages: _messages, ...rest } = list.prices;
  expect(await asSaved((prices) => ({ ...prices, prices: rest }))).toMatch(/ at prices\.messages: /);
  expect(
    await asSaved((prices) => ({
      ...prices,
      prices: { ...prices.prices, mails: { ...prices.prices.mails, tiers: [{ upTo: 5, price: 1 }] } },
    })),
  ).toMatch(/ at prices\.mails\.tiers: the last tier, and it alone, has no upTo\.$/);
});
