import type { AlarmDefinition, AlarmState, MetricQuery, UnsupportedAlarm } from "./alarm-definition.js";
import { assess, type Datapoint, evaluationRange } from "./assess.js";
import { evaluateMath, MathError, type Series } from "./math.js";
import type { Metrics, Span } from "./metrics.js";
import { reasonFor } from "./reason.js";
import { statisticOf } from "./statistic.js";

/** An alarm's current state. */
export interface AlarmStatus {
  readonly name: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly state: AlarmState;
  /** The reason for this state, in CloudWatch's words. */
  readonly reason: string;
  /** The time of the last change, in ms since the epoch by the stack's clock. */
  readonly changedAt: number;
  /** The newest value of the last evaluation; undefined when there was none. */
  readonly value: number | undefined;
  /** Undefined for an alarm that cannot be evaluated here; `reason` says why. */
  readonly definition: AlarmDefinition | undefined;
}

export interface Transition {
  readonly from: AlarmState;
  readonly alarm: AlarmStatus;
}

export const createAlarm = (
  declared: AlarmDefinition | UnsupportedAlarm,
  { metrics, arn, createdAt }: { metrics: Metrics; arn: string; createdAt: number },
) => {
  const reason = unsupportedReason(declared, metrics, createdAt);
  const definition = "unsupported" in declared || reason !== undefined ? undefined : declared;
  let status: AlarmStatus = {
    name: declared.name,
    arn,
    description: declared.description,
    state: "INSUFFICIENT_DATA",
    reason: reason ?? "Unchecked: Initial alarm creation",
    changedAt: createdAt,
    value: undefined,
    definition,
  };

  return {
    status: (): AlarmStatus => status,
    /** Evaluates the periods before `end`. Returns the change of state at time `at`; undefined when there was none. */
    evaluate: (end: number, at: number): Transition | undefined => {
      if (!definition) return undefined;
      const points = watchedPoints(definition, metrics, end);
      status = { ...status, value: points.find((point) => point !== undefined)?.value };
      const assessment = assess(definition, points);
      if (!assessment || assessment.state === status.state) return undefined;
      const from = status.state;
      const { state } = assessment;
      status = { ...status, state, reason: reasonFor(definition, assessment), changedAt: at };
      return { from, alarm: status };
    },
  };
};

/** Some unsupported expressions show only when they are computed, so they are computed once before any data. */
const unsupportedReason = (
  definition: AlarmDefinition | UnsupportedAlarm,
  metrics: Metrics,
  end: number,
): string | undefined => {
  if ("unsupported" in definition) return definition.unsupported;
  try {
    watchedPoints(definition, metrics, end);
    return undefined;
  } catch (error) {
    if (!(error instanceof MathError)) throw error;
    return error.message;
  }
};

/** The watched query's value per period, the newest first, over the evaluation range that ends at `end`. */
const watchedPoints = (
  definition: AlarmDefinition,
  metrics: Metrics,
  end: number,
): readonly (Datapoint | undefined)[] => {
  const { periodMs, evaluationPeriods, watched, queries } = definition;
  const length = evaluationRange(evaluationPeriods);
  const starts = Array.from({ length }, (_, at) => end - (length - at) * periodMs);
  const ofMetrics = new Map(
    queries
      .filter((query) => query.kind === "metric")
      .map((query) => [query.id, starts.map((start) => valueIn(query, metrics, spanFrom(start, periodMs)))]),
  );

  const seriesOf = (id: string, above: readonly string[]): Series => {
    const series = ofMetrics.get(id);
    if (series) return series;
    const query = queries.find((candidate) => candidate.id === id);
    if (query?.kind !== "expression") throw new MathError(`No query of the alarm has the id ${id}.`);
    if (above.includes(id)) throw new MathError(`The expression ${id} refers to itself.`);
    return evaluateMath(query.expression, { seriesOf: (other) => seriesOf(other, [...above, id]) });
  };

  const points = seriesOf(watched, []).map((value, at) => {
    const timestamp = starts[at];
    return value === undefined || timestamp === undefined ? undefined : { timestamp, value };
  });
  return points.reverse();
};

const spanFrom = (start: number, periodMs: number): Span => ({ start, end: start + periodMs });

const valueIn = ({ metric, statistic, unit }: MetricQuery, metrics: Metrics, span: Span) => {
  const summary = metrics.summarize(metric, span, unit);
  return summary && statisticOf(summary, statistic);
};
