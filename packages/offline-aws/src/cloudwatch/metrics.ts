import { type Statistic, type Summary, statisticOf } from "./statistic.js";

export type Dimensions = Readonly<Record<string, string>>;

/** One metric: a name in a namespace, with exactly these dimensions. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
}

export interface Datum extends MetricId {
  readonly value: number;
  /** `Count`, `Milliseconds`, …; `None` by default. */
  readonly unit?: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** From `start` (inclusive) to `end` (exclusive), in ms since the epoch. Both must be whole minutes, as data is stored. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

export interface MetricsOptions {
  readonly now: () => number;
  /** Default 3 hours. */
  readonly retentionMs?: number;
  /** Above this number the metric with the oldest update is dropped. Default 5,000. */
  readonly maxMetrics?: number;
  /** The number of different values that a minute stores exactly; more are rounded to three digits. Default 10,000. */
  readonly maxValues?: number;
}

export const minuteMs = 60_000;
export const defaultRetentionMs = 3 * 60 * minuteMs;

interface Bucket extends Summary {
  count: number;
  sum: number;
  minimum: number;
  maximum: number;
  readonly values: Map<number, number>;
}

interface Stored {
  readonly id: MetricId;
  /** By unit, then by the minute's number. */
  readonly units: Map<string, Map<number, Bucket>>;
}

/** Stores metrics per minute. */
export const createMetrics = ({
  now,
  retentionMs = defaultRetentionMs,
  maxMetrics = 5_000,
  maxValues = 10_000,
}: MetricsOptions) => {
  const stored = new Map<string, Stored>();
  let sweptAt = 0;

  const sweep = (oldest: number): void => {
    for (const [key, { units }] of stored) {
      for (const [unit, minutes] of units) {
        for (const minute of minutes.keys()) if (minute < oldest) minutes.delete(minute);
        if (minutes.size === 0) units.delete(unit);
      }
      if (units.size === 0) stored.delete(key);
    }
  };

  /** The data of a span. Without a unit, data in all units count. Undefined without data. */
  const summarize = (id: MetricId, { start, end }: Span, unit?: string): Summary | undefined => {
    const units = stored.get(keyOf(id))?.units ?? new Map<string, Map<number, Bucket>>();
    const minutes = [...units].filter(([name]) => unit === undefined || name === unit);
    const buckets: Bucket[] = [];
    for (let minute = Math.floor(start / minuteMs); minute < end / minuteMs; minute += 1)
      buckets.push(...minutes.flatMap(([, each]) => each.get(minute) ?? []));
    return merge(buckets);
  };

  return {
    /** Stores a value. One that is not finite, or older than the retention, is dropped. */
    put: ({ namespace, name, dimensions, value, unit = "None", timestamp }: Datum): void => {
      const oldest = Math.floor((now() - retentionMs) / minuteMs);
      const minute = Math.floor(timestamp / minuteMs);
      if (!Number.isFinite(value) || !(minute >= oldest)) return;
      if (oldest !== sweptAt) sweep(oldest);
      sweptAt = oldest;
      const id = { namespace, name, dimensions };
      const key = keyOf(id);
      const metric = stored.get(key) ?? { id, units: new Map() };
      // Moved to the end, so that the first metric is the one with the oldest update.
      stored.delete(key);
      stored.set(key, metric);
      const [oldestKey] = stored.keys();
      if (stored.size > maxMetrics && oldestKey !== undefined) stored.delete(oldestKey);
      const minutes = metric.units.get(unit) ?? new Map<number, Bucket>();
      metric.units.set(unit, minutes);
      const bucket = minutes.get(minute) ?? emptyBucket();
      minutes.set(minute, bucket);
      add(bucket, value, maxValues);
    },
    summarize,
    /** One point per period that touches the span. Periods are aligned to the epoch; an empty one has no value. */
    series: (
      id: MetricId,
      query: Span & { readonly statistic: Statistic; readonly periodMs: number; readonly unit?: string },
    ): { readonly timestamp: number; readonly value: number | undefined }[] => {
      const { start, end, statistic, periodMs, unit } = query;
      const first = Math.floor(start / periodMs) * periodMs;
      return Array.from({ length: Math.ceil((end - first) / periodMs) }, (_, at) => {
        const timestamp = first + at * periodMs;
        const summary = summarize(id, { start: timestamp, end: timestamp + periodMs }, unit);
        return { timestamp, value: summary && statisticOf(summary, statistic) };
      });
    },
    /** Every metric that has data, with its units. */
    list: (): (MetricId & { readonly units: readonly string[] })[] =>
      [...stored.values()].map(({ id, units }) => ({ ...id, units: [...units.keys()] })),
  };
};

const emptyBucket = (): Bucket => ({
  count: 0,
  sum: 0,
  minimum: Number.POSITIVE_INFINITY,
  maximum: Number.NEGATIVE_INFINITY,
  values: new Map(),
});

const add = (bucket: Bucket, value: number, maxValues: number): void => {
  bucket.count += 1;
  bucket.sum += value;
  bucket.minimum = Math.min(bucket.minimum, value);
  bucket.maximum = Math.max(bucket.maximum, value);
  const full = bucket.values.size >= maxValues && !bucket.values.has(value);
  const kept = full ? Number(value.toPrecision(3)) : value;
  bucket.values.set(kept, (bucket.values.get(kept) ?? 0) + 1);
};

const merge = (buckets: readonly Bucket[]): Summary | undefined => {
  const [first] = buckets;
  if (buckets.length <= 1) return first;
  const merged = emptyBucket();
  for (const { count, sum, minimum, maximum, values } of buckets) {
    merged.count += count;
    merged.sum += sum;
    merged.minimum = Math.min(merged.minimum, minimum);
    merged.maximum = Math.max(merged.maximum, maximum);
    for (const [value, times] of values) merged.values.set(value, (merged.values.get(value) ?? 0) + times);
  }
  return merged;
};

const keyOf = ({ namespace, name, dimensions }: MetricId): string =>
  JSON.stringify([namespace, name, Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1))]);
