import { readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "offline-aws";
import * as v from "valibot";

const priceSchema = v.object({
  /** What one price is paid for: `million messages`. */
  unit: v.string(),
  /** How many of what is counted make one unit: 1,000,000. */
  per: v.pipe(v.number(), v.gtValue(0)),
  /** Dollars per unit, the first up to so many of what is counted in a month; the last has no end. */
  tiers: v.pipe(
    v.array(v.object({ upTo: v.optional(v.number()), price: v.number() })),
    v.check(
      (tiers) => tiers.findIndex(({ upTo }) => upTo === undefined) === tiers.length - 1,
      "the last tier, and it alone, has no upTo",
    ),
  ),
  /** Where AWS states it. */
  page: v.pipe(v.string(), v.url()),
  /** `documented` by AWS, `published` by others from AWS's price list, or `from memory`. */
  sure: v.picklist(["documented", "published", "from memory"]),
  note: v.string(),
});

const priceListSchema = v.object({
  date: v.pipe(v.string(), v.isoDate()),
  region: v.string(),
  currency: v.literal("USD"),
  prices: v.object({
    messages: priceSchema,
    connectionMinutes: priceSchema,
    lambdaRequests: priceSchema,
    lambdaDuration: priceSchema,
    writeUnits: priceSchema,
    readUnits: priceSchema,
    tableStorage: priceSchema,
    tableBackup: priceSchema,
    functionLogs: priceSchema,
    accessLogs: priceSchema,
    logStorage: priceSchema,
    metrics: priceSchema,
    alarmMetrics: priceSchema,
    dashboards: priceSchema,
    activeUsers: priceSchema,
    scheduledRuns: priceSchema,
    mails: priceSchema,
    queueRequests: priceSchema,
    transferOut: priceSchema,
  }),
});

export type Price = v.InferOutput<typeof priceSchema>;
export type PriceList = v.InferOutput<typeof priceListSchema>;

/** One line of a bill. */
export interface Item {
  readonly what: string;
  /** In the price's unit. */
  readonly quantity: number;
  readonly unit: string;
  /** Dollars per unit; where several tiers are met, their mean. */
  readonly price: number;
  readonly dollars: number;
}

/**
 * AWS's list prices, from the one file that holds them.
 * @throws {UserError} naming what is wrong in it
 */
export const readPrices = async (
  file = path.join(import.meta.dirname, "prices.json"),
): Promise<PriceList> => {
  const text = await readFile(file, "utf8");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), priceListSchema), text);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new UserError(
    `packages/cli/src/cost/prices.json is wrong${v.getDotPath(issue) ? ` at ${v.getDotPath(issue)}` : ""}: ${issue.message}.`,
  );
};

/**
 * Prices what one meter counts, part by part; each part goes on in the tier in which the one before has ended.
 * @param parts what it is, and how many of what is counted, not of units
 */
export const priced = (
  { unit, per, tiers }: Pick<Price, "unit" | "per" | "tiers">,
  parts: readonly (readonly [what: string, count: number])[],
): Item[] => {
  let from = 0;
  return parts.map(([what, count]) => {
    const to = from + count;
    const met = tiers
      .map(({ price, upTo = Number.POSITIVE_INFINITY }, index) => ({
        price,
        quantity: (Math.min(to, upTo) - Math.max(from, tiers[index - 1]?.upTo ?? 0)) / per,
      }))
      .filter(({ quantity }) => quantity > 0);
    from = to;
    const quantity = count / per;
    const dollars = met.reduce((sum, tier) => sum + tier.quantity * tier.price, 0);
    const price = met.length > 1 ? dollars / quantity : (met[0] ?? tiers[0])?.price;
    return { what, quantity, unit, price: price ?? 0, dollars };
  });
};
