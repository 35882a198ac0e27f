import * as v from "valibot";
import type { Resource } from "../synth/graph.js";
import { type Expression, MathError, parseMath } from "./math.js";
import type { MetricId } from "./metrics.js";
import { isStatistic, type Statistic } from "./statistic.js";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "notBreaching" | "breaching" | "ignore";

export type ComparisonOperator =
  | "GreaterThanThreshold"
  | "GreaterThanOrEqualToThreshold"
  | "LessThanThreshold"
  | "LessThanOrEqualToThreshold";

export interface MetricQuery {
  readonly kind: "metric";
  readonly id: string;
  readonly metric: MetricId;
  readonly statistic: Statistic;
  /** Only data in this unit counts; undefined: any unit. */
  readonly unit: string | undefined;
}

export interface ExpressionQuery {
  readonly kind: "expression";
  readonly id: string;
  readonly text: string;
  readonly label: string | undefined;
  readonly expression: Expression;
}

/** A metric alarm, read from its resource. */
export interface AlarmDefinition {
  /** Physical name. */
  readonly name: string;
  readonly description: string | undefined;
  readonly queries: readonly (MetricQuery | ExpressionQuery)[];
  /** The query whose series is compared with the threshold. */
  readonly watched: string;
  readonly periodMs: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparisonOperator: ComparisonOperator;
  readonly treatMissingData: MissingData;
  /** True when a percentile of too few samples does not change the state. */
  readonly ignoreFewSamples: boolean;
  readonly actionsEnabled: boolean;
  /** ARNs by the state that triggers them. */
  readonly actions: Readonly<Record<AlarmState, readonly string[]>>;
}

/** An alarm that cannot be evaluated here; `unsupported` says why, as a sentence. */
export interface UnsupportedAlarm {
  readonly name: string;
  readonly description: string | undefined;
  readonly unsupported: string;
}

const dimensions = v.optional(v.record(v.string(), v.string()), {});
const arns = v.optional(v.array(v.string()), []);

const metricSchema = v.object({
  namespace: v.string(),
  metricName: v.string(),
  dimensions,
  period: v.number(),
  stat: v.string(),
  unit: v.optional(v.string()),
});

const schema = v.object({
  name: v.optional(v.string()),
  alarmDescription: v.optional(v.string()),
  namespace: v.optional(v.string()),
  metricName: v.optional(v.string()),
  dimensions,
  statistic: v.optional(v.string()),
  extendedStatistic: v.optional(v.string()),
  unit: v.optional(v.string()),
  period: v.optional(v.number()),
  metricQueries: v.optional(
    v.array(
      v.object({
        id: v.string(),
        expression: v.optional(v.string()),
        label: v.optional(v.string()),
        period: v.optional(v.number()),
        returnData: v.optional(v.boolean(), false),
        metric: v.optional(metricSchema),
      }),
    ),
    [],
  ),
  evaluationPeriods: v.pipe(v.number(), v.minValue(1)),
  datapointsToAlarm: v.optional(v.number()),
  threshold: v.number("it has no threshold of its own: anomaly detection is not supported"),
  comparisonOperator: v.picklist(
    [
      "GreaterThanThreshold",
      "GreaterThanOrEqualToThreshold",
      "LessThanThreshold",
      "LessThanOrEqualToThreshold",
    ],
    ({ received }) => `the comparison ${received} is not supported`,
  ),
  treatMissingData: v.optional(v.picklist(["missing", "notBreaching", "breaching", "ignore"])),
  evaluateLowSampleCountPercentiles: v.optional(v.picklist(["evaluate", "ignore"]), "evaluate"),
  actionsEnabled: v.optional(v.boolean(), true),
  alarmActions: arns,
  okActions: arns,
  insufficientDataActions: arns,
});

type Inputs = v.InferOutput<typeof schema>;

/** Reads an `aws:cloudwatch/metricAlarm:MetricAlarm`. */
export const alarmDefinition = ({ name, inputs }: Resource): AlarmDefinition | UnsupportedAlarm => {
  const parsed = v.safeParse(schema, inputs);
  const physicalName = typeof inputs.name === "string" ? inputs.name : name;
  const description = typeof inputs.alarmDescription === "string" ? inputs.alarmDescription : undefined;
  const identity = { name: physicalName, description };
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = v.getDotPath(issue);
    return { ...identity, unsupported: `It cannot be evaluated: ${path}: ${issue.message}.` };
  }
  try {
    return { ...identity, ...definitionOf(parsed.output) };
  } catch (error) {
    if (!(error instanceof MathError)) throw error;
    return { ...identity, unsupported: error.message };
  }
};

/** CloudWatch's limit on one alarm. */
const maxMetrics = 10;

const definitionOf = (inputs: Inputs): Omit<AlarmDefinition, "name" | "description"> => {
  const queries = inputs.metricQueries.length > 0 ? inputs.metricQueries.map(queryOf) : [singleQuery(inputs)];
  const periods = new Set(
    inputs.metricQueries.length > 0
      ? inputs.metricQueries.map(({ metric, period }) => metric?.period ?? period)
      : [inputs.period],
  );
  periods.delete(undefined);
  const [period, ...others] = periods;
  if (period === undefined || others.length > 0)
    throw new MathError("It cannot be evaluated: its metrics need one period, the same for all.");
  // Metrics are stored per minute.
  if (period < 60 || period % 60 !== 0)
    throw new MathError(`The local stack evaluates periods of whole minutes, not ${period} seconds.`);
  const metricCount = queries.filter(({ kind }) => kind === "metric").length;
  if (metricCount > maxMetrics)
    throw new MathError(
      `CloudWatch would refuse it: an alarm's expression can include ${maxMetrics} metrics, and it has ${metricCount}.`,
    );
  const watched =
    queries.length === 1 ? queries[0]?.id : inputs.metricQueries.find(({ returnData }) => returnData)?.id;
  if (watched === undefined)
    throw new MathError("It cannot be evaluated: one of its queries needs returnData.");
  return {
    queries,
    watched,
    periodMs: period * 1000,
    evaluationPeriods: inputs.evaluationPeriods,
    datapointsToAlarm: inputs.datapointsToAlarm ?? inputs.evaluationPeriods,
    threshold: inputs.threshold,
    comparisonOperator: inputs.comparisonOperator,
    treatMissingData: inputs.treatMissingData ?? defaultTreatment(queries),
    ignoreFewSamples: inputs.evaluateLowSampleCountPercentiles === "ignore",
    actionsEnabled: inputs.actionsEnabled,
    actions: {
      OK: inputs.okActions,
      ALARM: inputs.alarmActions,
      INSUFFICIENT_DATA: inputs.insufficientDataActions,
    },
  };
};

/** CloudWatch's default is `missing`, except for DynamoDB's metrics. */
const defaultTreatment = (queries: AlarmDefinition["queries"]): MissingData =>
  queries.some((query) => query.kind === "metric" && query.metric.namespace === "AWS/DynamoDB")
    ? "ignore"
    : "missing";

const singleQuery = ({
  namespace,
  metricName,
  statistic,
  extendedStatistic,
  ...rest
}: Inputs): MetricQuery => {
  if (namespace === undefined || metricName === undefined)
    throw new MathError("It cannot be evaluated: it names no metric.");
  return {
    kind: "metric",
    id: "m1",
    metric: { namespace, name: metricName, dimensions: rest.dimensions },
    statistic: known(extendedStatistic ?? statistic),
    unit: rest.unit,
  };
};

const queryOf = ({
  id,
  expression,
  label,
  metric,
}: Inputs["metricQueries"][number]): MetricQuery | ExpressionQuery => {
  if (expression !== undefined)
    return { kind: "expression", id, text: expression, label, expression: parseMath(expression) };
  if (!metric) throw new MathError(`It cannot be evaluated: query ${id} has no metric and no expression.`);
  const { namespace, metricName, stat, unit } = metric;
  return {
    kind: "metric",
    id,
    metric: { namespace, name: metricName, dimensions: metric.dimensions },
    statistic: known(stat),
    unit,
  };
};

const known = (statistic: string | undefined): Statistic => {
  if (statistic !== undefined && isStatistic(statistic)) return statistic;
  throw new MathError(
    `The local stack has the statistics Sum, Average, Minimum, Maximum, SampleCount and percentiles, not ${statistic ?? "an alarm without one"}.`,
  );
};
