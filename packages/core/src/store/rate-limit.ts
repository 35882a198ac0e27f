import * as v from "valibot";
import type { Core } from "../port/core.js";
import { Failure } from "../value/failure.js";
import { update } from "./dynamo.js";
import { isUnavailable } from "./retry.js";

/** A bucket of `size` tokens that refills one token every `refillMs`. */
export interface Bucket {
  readonly size: number;
  readonly refillMs: number;
}

/**
 * A bucket of N tokens that refills N tokens per period. `refillMs` is rounded up to whole milliseconds: with fractions,
 * rounding errors would cost a full bucket its last token.
 */
export const bucket = (n: number, periodMs: number): Bucket => ({
  size: n,
  refillMs: Math.ceil(periodMs / n),
});

export type Verdict =
  | { readonly allowed: true }
  /** `retryAfter` in whole seconds: a single request made then is allowed. */
  | { readonly allowed: false; readonly retryAfter: number };

export const allowed: Verdict = { allowed: true };

/** The limit's name in a refusal's details. */
export type LimitName = "sessions" | "connectionAttempts" | "listenerJoins" | "heartbeats";

export const limitExceeded = (limit: LimitName, retryAfter: number): Failure =>
  new Failure("RATE_LIMIT_EXCEEDED", `Too many requests: try again in ${retryAfter} s`, {
    retryAfter,
    details: { limit },
  });

const rowSchema = v.object({ arrivesAt: v.number() });

/** A bucket's row is kept for this long after the bucket is full again. */
const keptMs = 3_600_000;

/**
 * Takes a token from the bucket `identifier`, by the generic cell rate algorithm. The row holds one number, the
 * theoretical arrival time: the moment at which the bucket would be full again. A full bucket costs one conditional
 * write, a burst a second one; both are atomic under any concurrency. The attributes `also` are written along.
 *
 * If the table cannot be reached, the limit is off: letting some excess in is better than letting nobody in.
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
