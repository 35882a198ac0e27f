import type { AlarmDefinition, AlarmState, ComparisonOperator } from "./alarm-definition.js";

export interface Datapoint {
  /** The period's beginning, in ms since the epoch. */
  readonly timestamp: number;
  readonly value: number;
}

/** What an evaluation found. */
export interface Assessment {
  readonly state: AlarmState;
  /** What the state rests on, the newest first. */
  readonly datapoints: readonly Datapoint[];
  /** How many periods had to be filled by the rule for missing data. */
  readonly filled: number;
}

export const breaches = (operator: ComparisonOperator, value: number, threshold: number): boolean => {
  switch (operator) {
    case "GreaterThanThreshold":
      return value > threshold;
    case "GreaterThanOrEqualToThreshold":
      return value >= threshold;
    case "LessThanThreshold":
      return value < threshold;
    case "LessThanOrEqualToThreshold":
      return value <= threshold;
  }
};

/**
 * How many periods are looked at, so that real data may stand in for missing data. The documentation's examples have
 * five for three evaluation periods; how many it is otherwise, it does not say.
 */
export const evaluationRange = (evaluationPeriods: number): number => evaluationPeriods + 2;

type Rule = Pick<
  AlarmDefinition,
  "evaluationPeriods" | "datapointsToAlarm" | "threshold" | "comparisonOperator" | "treatMissingData"
>;

/**
 * The state that the points of an evaluation range, the newest first, put an alarm in; undefined: they leave it in
 * the state that it has. Real points count before any rule for missing ones.
 */
export const assess = (rule: Rule, points: readonly (Datapoint | undefined)[]): Assessment | undefined => {
  const { evaluationPeriods, datapointsToAlarm, threshold, comparisonOperator, treatMissingData } = rule;
  const isBreaching = ({ value }: Datapoint): boolean => breaches(comparisonOperator, value, threshold);
  const datapoints = points.filter((point) => point !== undefined).slice(0, evaluationPeriods);
  const filled = evaluationPeriods - datapoints.length;
  const breaching = datapoints.filter(isBreaching).length;
  const found = (state: AlarmState): Assessment => ({ state, datapoints, filled });
  const byCount = (count: number): Assessment => found(count >= datapointsToAlarm ? "ALARM" : "OK");

  if (filled === 0) return byCount(breaching);
  if (treatMissingData === "breaching") return byCount(breaching + filled);
  if (treatMissingData === "notBreaching" || breaching >= datapointsToAlarm) return byCount(breaching);
  // What remains are gaps that nothing fills. A point within the threshold is enough for OK.
  if (breaching < datapoints.length) return found("OK");
  if (treatMissingData === "ignore") return undefined;
  if (datapoints.length === 0) return found("INSUFFICIENT_DATA");
  // Only breaching points, too few of them: they raise the alarm once the oldest is M periods old and stands alone,
  // so that a single late point does not.
  const oldestAge = points.findLastIndex((point) => point !== undefined) + 1;
  return oldestAge >= datapointsToAlarm ? found("ALARM") : undefined;
};
