/** `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, or a percentile: `p50`, `p99.9`. */
export type Statistic = string;

/** The data of a span of time. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
  /** How often each value occurred. */
  readonly values: ReadonlyMap<number, number>;
}

export const isStatistic = (statistic: Statistic): boolean =>
  statistic in simple || percentOf(statistic) !== undefined;

/** The statistic of a span; undefined for an unknown name. */
export const statisticOf = (summary: Summary, statistic: Statistic): number | undefined => {
  const percent = percentOf(statistic);
  return percent === undefined ? simple[statistic]?.(summary) : percentile(summary, percent);
};

/** `p95` → 95; undefined for anything but a percentile. */
const percentOf = (statistic: Statistic): number | undefined => {
  const percent = Number(/^p(\d{1,3}(?:\.\d{1,10})?)$/.exec(statistic)?.[1] ?? Number.NaN);
  return percent <= 100 ? percent : undefined;
};

const simple: Readonly<Record<Statistic, (summary: Summary) => number>> = {
  Sum: ({ sum }) => sum,
  Average: ({ sum, count }) => sum / count,
  Minimum: ({ minimum }) => minimum,
  Maximum: ({ maximum }) => maximum,
  SampleCount: ({ count }) => count,
};

/** By nearest rank, so always a value that occurred. CloudWatch's interpolation is not documented. */
const percentile = ({ values, count }: Summary, percent: number): number | undefined => {
  const rank = Math.max(1, Math.ceil((percent / 100) * count));
  let seen = 0;
  for (const [value, times] of [...values].sort(([a], [b]) => a - b)) {
    seen += times;
    if (seen >= rank) return value;
  }
  return undefined;
};
