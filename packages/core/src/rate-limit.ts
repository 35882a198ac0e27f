import * as v from "valibot";
import type { Core } from "./core.js";
import { update } from "./dynamo.js";
import { isUnavailable } from "./persistence.js";

/** A bucket of `size` tokens that refills one token every `refillMs`. */
export interface Bucket {
  readonly size: number;
  readonly refillMs: number;
}

/**
 * A bucket of N that refills at N per period. In whole milliseconds: what sums of fractions lose would cost a full
 * bucket its last token.
 */
export const bucket = (n: number, periodMs: number): Bucket => ({
  size: n,
  refillMs: Math.ceil(periodMs / n),
});

export type Verdict =
  | { readonly allowed: true }
  /** `retryAfter` in whole seconds: the same request, made then and alone, is let through. */
  | { readonly allowed: false; readonly retryAfter: number };

const allowed: Verdict = { allowed: true };

const rowSchema = v.object({ arrivesAt: v.number() });

/** A limiter's row outlives its last use by this much. */
const keptMs = 3_600_000;

/**
 * Takes a token from the bucket `identifier`, by the generic cell rate algorithm: the row holds one number, the
 * theoretical arrival time, at which the bucket would be full again. One conditional write while the bucket is full, a
 * second in a burst; atomic under any concurrency. `also` is written with it.
 *
 * If the table cannot be reached the limit is off: better some excess than nobody let in.
 */
export const take = async (
  core: Core,
  identifier: string,
  { size, refillMs }: Bucket,
  also: Readonly<Record<string, number>> = {},
): Promise<Verdict> => {
  const now = core.now();
  const tolerance = now + (size - 1) * refillMs;
  const write = { table: core.tables.rateLimits, key: { identifier } };
  const kept = { expiresAt: Math.ceil((now + size * refillMs + keptMs) / 1000), ...also };
  try {
    const full = await update(core.db, {
      ...write,
      set: { arrivesAt: now + refillMs, ...kept },
      when: ["attribute_not_exists(#arrivesAt) OR #arrivesAt <= :now"],
      values: { now },
      repeatable: true,
    });
    if (full.written) return allowed;
    const found = arrivalIn(full.row);
    if (found > tolerance) return refused(found - tolerance);
    const burst = await update(core.db, {
      ...write,
      set: kept,
      add: { arrivesAt: refillMs },
      when: ["#arrivesAt <= :tolerance"],
      values: { tolerance },
    });
    return burst.written ? allowed : refused(arrivalIn(burst.row) - tolerance);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    core.metrics.record("RateLimitsUnavailable", 1);
    core.log.warn("Rate limits are off: their table cannot be reached", { limit: identifier.split(":")[0] });
    return allowed;
  }
};

const arrivalIn = (row: unknown): number => v.parse(rowSchema, row).arrivesAt;

const refused = (waitMs: number): Verdict => ({ allowed: false, retryAfter: Math.ceil(waitMs / 1000) });
