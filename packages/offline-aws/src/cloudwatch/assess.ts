import { type AlarmDefinition, type AlarmState, comparisons } from "./alarm-definition.js";

export interface Datapoint {
  /** The period's beginning, in ms since the epoch. */
  readonly timestamp: number;
  readonly value: number;
}

/** The result of an evaluation. */
export interface Assessment {
  readonly state: AlarmState;
  /** The datapoints that decide the state, the newest first. */
  readonly datapoints: readonly Datapoint[];
  /** The number of periods without data, which the rule for missing data fills. */
  readonly filled: number;
}

/**
 * The number of periods to read: some more than the evaluation periods, so that older data can replace missing data. The
 * documentation's examples read five for three; it gives no rule, so two more are read here.
 */
export const evaluationRange = (evaluationPeriods: number): number => evaluationPeriods + 2;

type Rule = Pick<
  AlarmDefinition,
  "evaluationPeriods" | "datapointsToAlarm" | "threshold" | "comparisonOperator" | "treatMissingData"
>;

/**
 * Returns the state for the points of an evaluation range, the newest first; undefined leaves the state as it is. Real
 * points count before any rule for missing ones.
 */
export const assess = (rule: Rule, points: readonly (Datapoint | undefined)[]): Assessment | undefined => {
  const { evaluationPeriods, datapointsToAlarm, threshold, comparisonOperator, treatMissingData } = rule;
  const isBreaching = ({ value }: Datapoint): boolean =>
    comparisons[comparisonOperator].breaches(value, threshold);
  const datapoints = points.filter((point) => point !== undefined).slice(0, evaluationPeriods);
  const filled = evaluationPeriods - datapoints.length;
  const breaching = datapoints.filter(isBreaching).length;
  const found = (state: AlarmState): Assessment => ({ state, datapoints, filled });
  const byCount = (count: number): Assessment => found(count >= datapointsToAlarm ? "ALARM" : "OK");

  if (filled === 0) return byCount(breaching);
  if (treatMissingData === "breaching") return byCount(breaching + filled);
  if (treatMissingData === "notBreaching" || breaching >= datapointsToAlarm) return byCount(breaching);
  // From here on nothing fills the gaps. One point within the threshold is enough for OK.
  if (breaching < datapoints.length) return found("OK");
  if (treatMissingData === "ignore") return undefined;
  if (datapoints.length === 0) return found("INSUFFICIENT_DATA");
  // All points breach, but too few. They raise the alarm only once the oldest is as many periods old as must breach: a
  // single late point must not.
  const oldestAge = points.findLastIndex((point) => point !== undefined) + 1;
  return oldestAge >= datapointsToAlarm ? found("ALARM") : undefined;
};
