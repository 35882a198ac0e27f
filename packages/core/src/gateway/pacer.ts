import * as v from "valibot";
import type { Core } from "../port/core.js";
import type { Sockets } from "../port/sockets.js";
import { update } from "../store/dynamo.js";
import { isUnavailable } from "../store/retry.js";

/** The calls that one write reserves: at 3,500 calls a second that is 35 writes. */
const lease = 100;

/** The row is of no use any more after this time without a fan-out. */
const keptSeconds = 3_600;

/** How long a table that cannot be reached is not asked again: each try may take seconds. */
const aloneMs = 10_000;

const rowSchema = v.object({ arrivesAt: v.number() });

interface PacerOptions {
  /** Waits for a lease to begin. By default a timer. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/**
 * The core's sockets, at `fanOutRequestsPerSecond` for all functions together. Sessions that end at the same time are
 * announced side by side, and could otherwise use up the account's requests, which heartbeats and handshakes need. A
 * single session does not notice. All take turns by one row of RateLimits: it holds the time until which calls are
 * reserved, and each lease moves it on. Without the table every function keeps the pace alone.
 */
export const paced = (core: Core, { pause = timer }: PacerOptions = {}): Sockets => {
  const { sockets, settings } = core;
  const leaseMs = (1_000 * lease) / settings.fanOutRequestsPerSecond;
  let permits = 0;
  let renewing: Promise<void> | undefined;
  let endsAt = 0;
  let aloneUntil = 0;

  const renew = async (): Promise<void> => {
    const isAlone = core.now() < aloneUntil;
    const shared = isAlone ? undefined : await reserve(core, leaseMs);
    if (!isAlone && shared === undefined) aloneUntil = core.now() + aloneMs;
    const beginsAt = shared ?? Math.max(core.now(), endsAt);
    endsAt = beginsAt + leaseMs;
    const waitMs = beginsAt - core.now();
    if (waitMs > 0) await pause(waitMs);
    permits += lease;
  };

  const permit = async (): Promise<void> => {
    while (permits === 0) {
      renewing ??= renew().finally(() => {
        renewing = undefined;
      });
      await renewing;
    }
    permits -= 1;
  };

  return {
    send: async (connectionId, frame) => {
      await permit();
      return sockets.send(connectionId, frame);
    },
    close: async (connectionId) => {
      await permit();
      return sockets.close(connectionId);
    },
    lastActiveAt: async (connectionId) => {
      await permit();
      return sockets.lastActiveAt(connectionId);
    },
  };
};

/** Reserves the next free time span. Returns when it begins (ms since the epoch); undefined without the table. */
const reserve = async (core: Core, spanMs: number): Promise<number | undefined> => {
  const now = core.now();
  const row = { table: core.tables.rateLimits, key: { identifier: "fan-out" } };
  const kept = { expiresAt: Math.ceil(now / 1_000) + keptSeconds };
  try {
    const free = await update(core.db, {
      ...row,
      set: { arrivesAt: now + spanMs, ...kept },
      when: ["attribute_not_exists(#arrivesAt) OR #arrivesAt <= :now"],
      values: { now },
      // If the first write landed, the repeat finds the row taken and reserves a second span: only time is lost.
      repeatable: true,
    });
    if (free.written) return now;
    const queued = await update(core.db, {
      ...row,
      set: kept,
      add: { arrivesAt: spanMs },
      when: ["attribute_exists(#arrivesAt)"],
      repeatable: true,
    });
    return v.parse(rowSchema, queued.row).arrivesAt - spanMs;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    core.metrics.record("RateLimitsUnavailable", 1);
    core.log.warn("Fan-outs are not paced together: the limits' table cannot be reached");
    return undefined;
  }
};

const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
