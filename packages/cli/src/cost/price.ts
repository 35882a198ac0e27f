import list from "./prices.json" with { type: "json" };

/** A price of AWS's list; `note` says where it was found. */
interface Price {
  /** The unit that is paid for: `million messages`. */
  readonly unit: string;
  /** The number of counted things in one unit: 1,000,000. */
  readonly per: number;
  /** Dollars per unit. `upTo` counts things in a month, not units; the last tier has no end. */
  readonly tiers: readonly { readonly upTo?: number | undefined; readonly price: number }[];
  /** Where AWS states it. */
  readonly page: string;
  /** `documented` by AWS, `published` by others from AWS's price list, or `from memory`. */
  readonly sure: string;
  readonly note: string;
}

export type PriceName = keyof typeof list.prices;

export const priceList: Omit<typeof list, "prices"> & {
  readonly prices: Readonly<Record<PriceName, Price>>;
} = list;

/** One line of a bill. */
export interface Item {
  readonly what: string;
  /** In the price's unit. */
  readonly quantity: number;
  readonly unit: string;
  /** Dollars per unit; the mean when the quantity spans several tiers. */
  readonly price: number;
  readonly dollars: number;
}

/**
 * Prices `count` things that follow on `before` others by the same price: they start in the tier that those reached.
 * @param what the name of the item
 */
export const priced = (
  { unit, per, tiers }: Pick<Price, "unit" | "per" | "tiers">,
  what: string,
  count: number,
  before = 0,
): Item => {
  const met = tiers
    .map(({ price, upTo = Number.POSITIVE_INFINITY }, index) => ({
      price,
      quantity: (Math.min(before + count, upTo) - Math.max(before, tiers[index - 1]?.upTo ?? 0)) / per,
    }))
    .filter(({ quantity }) => quantity > 0);
  const quantity = count / per;
  const dollars = met.reduce((sum, tier) => sum + tier.quantity * tier.price, 0);
  const price = met.length > 1 ? dollars / quantity : ((met[0] ?? tiers[0])?.price ?? 0);
  return { what, quantity, unit, price, dollars };
};
