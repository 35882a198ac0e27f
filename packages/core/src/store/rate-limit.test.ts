import fc from "fast-check";
import { expect, test } from "vitest";
import { hour, midnight, minute, second, seed, useStage } from "../testing/index.js";
import { type Bucket, bucket, take } from "./rate-limit.js";

const stage = await useStage();

const ten = bucket(10, minute);

const takeMany = async (n: number, limit: Bucket, identifier = "a"): Promise<number> => {
  const verdicts = await Promise.all(Array.from({ length: n }, () => take(stage.core, identifier, limit)));
  return verdicts.filter(({ allowed }) => allowed).length;
};

test("rule 13: a bucket of ten lets ten in at once, and the eleventh not", async () => {
  for (let n = 1; n <= 10; n += 1) expect(await take(stage.core, "a", ten)).toEqual({ allowed: true });
  expect(await take(stage.core, "a", ten)).toEqual({ allowed: false, retryAfter: 6 });
});

test("rule 13: a request after retryAfter is allowed, and one a millisecond earlier is not", async () => {
  await takeMany(10, ten);
  stage.pass(6 * second - 1);
  expect(await take(stage.core, "a", ten)).toEqual({ allowed: false, retryAfter: 1 });
  stage.pass(1);
  expect(await take(stage.core, "a", ten)).toEqual({ allowed: true });
  expect(await take(stage.core, "a", ten)).toEqual({ allowed: false, retryAfter: 6 });
});

test("rule 13: a refusal takes nothing from the bucket", async () => {
  await takeMany(10, ten);
  expect(await takeMany(20, ten)).toBe(0);
  stage.pass(6 * second);
  expect(await takeMany(5, ten)).toBe(1);
});

test("rule 13: a bucket is full again after its period, and never fuller", async () => {
  await takeMany(10, ten);
  stage.pass(24 * hour);
  expect(await takeMany(20, ten)).toBe(10);
});

test("rule 13: each identifier has its own bucket", async () => {
  await takeMany(10, ten);
  expect(await take(stage.core, "b", ten)).toEqual({ allowed: true });
});

test.each([1, 7, 9, 17, 23])("rule 13: of %i requests a minute the last one is also allowed", async (n) => {
  stage.pass(n);
  let passed = 0;
  while ((await take(stage.core, "a", bucket(n, minute))).allowed) passed += 1;
  expect(passed).toBe(n);
});

test("rule 13: fifty at once get ten tokens, whatever the order", async () => {
  expect(await takeMany(50, ten)).toBe(10);
});

test("rule 13: a request costs one write, in a burst two, a refusal one; never a read", async () => {
  const count = async (): Promise<number> => {
    stage.forgetRequests();
    await take(stage.core, "a", bucket(2, minute));
    expect(new Set(stage.requests())).toEqual(new Set(["UpdateItem"]));
    return stage.requests().length;
  };
  expect([await count(), await count(), await count()]).toEqual([1, 2, 1]);
  stage.pass(minute);
  expect(await count()).toBe(1);
});

test("rule 20: a limiter's row goes an hour after its last use, and not while the bucket is not full", async () => {
  await take(stage.core, "a", ten);
  const [row] = await stage.rows("rateLimits");
  expect(row).toEqual({
    identifier: "a",
    arrivesAt: midnight + 6 * second,
    expiresAt: (midnight + minute + hour) / 1000,
  });
});

test("rule 12: further attributes are written with a token, also in a burst, but not with a refusal", async () => {
  const seen = async (at: number) => {
    await take(stage.core, "a", bucket(2, minute), { lastSeenAt: at });
    return (await stage.rows("rateLimits"))[0]?.lastSeenAt;
  };
  expect([await seen(1), await seen(2), await seen(3)]).toEqual([1, 2, 2]);
});

test.each(["throttle", "unreachable", "internal-error"] as const)(
  "rule 21: with the table struck by %s the limits are off, with a warning that names no address",
  async (kind) => {
    const end = stage.inject({ kind, match: { table: stage.tables.rateLimits } });
    expect(await takeMany(2, bucket(1, minute), "join:address:hash")).toBe(2);
    end();
    const warnings = stage.log().filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.fields).toEqual({ limit: "join" });
  },
);

test("invariant 6: on any schedule exactly the requests pass that a bucket of tokens would let pass", async () => {
  const schedule = fc.record({
    n: fc.integer({ min: 1, max: 6 }),
    refillMs: fc.integer({ min: 1, max: 40 }),
    // The time since the previous burst, and the number of requests at once.
    bursts: fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 8 }),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(schedule, async ({ n, refillMs, bursts }) => {
      run += 1;
      let tokens = n;
      for (const [waitMs, at] of bursts) {
        stage.pass(waitMs);
        tokens = Math.min(n, tokens + waitMs / refillMs);
        // The model's division loses a little.
        const expected = Math.min(at, Math.floor(tokens + 1e-9));
        expect(await takeMany(at, { size: n, refillMs }, `run ${run}`)).toBe(expected);
        tokens -= expected;
      }
    }),
    { numRuns: 25, seed },
  );
});
