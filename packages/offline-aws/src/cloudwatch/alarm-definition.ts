import * as v from "valibot";
import type { Resource } from "../synth/graph.js";
import { type Expression, MathError, parseMath } from "./math.js";
import type { MetricId } from "./metrics.js";
import { isStatistic, type Statistic } from "./statistic.js";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "notBreaching" | "breaching" | "ignore";

interface Comparison {
  /** In CloudWatch's reasons: `greater than`. */
  readonly words: string;
  readonly sign: string;
  readonly breaches: (value: number, threshold: number) => boolean;
}

export type ComparisonOperator = v.InferOutput<typeof operatorSchema>;

const operatorSchema = v.picklist(
  [
    "GreaterThanThreshold",
    "GreaterThanOrEqualToThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
  ],
  ({ received }) => `the comparison ${received} is not supported`,
);

export const comparisons: Readonly<Record<ComparisonOperator, Comparison>> = {
  GreaterThanThreshold: { words: "greater than", sign: ">", breaches: (a, b) => a > b },
  GreaterThanOrEqualToThreshold: { words: "greater than or equal to", sign: "≥", breaches: (a, b) => a >= b },
  LessThanThreshold: { words: "less than", sign: "<", breaches: (a, b) => a < b },
  LessThanOrEqualToThreshold: { words: "less than or equal to", sign: "≤", breaches: (a, b) => a <= b },
};

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

const arns = v.optional(v.array(v.string()), []);

// Metrics are stored per minute.
const period = v.pipe(
  v.number(),
  v.check(
    (seconds) => seconds >= 60 && seconds % 60 === 0,
    ({ input }) => `the local stack evaluates periods of whole minutes, not ${input} seconds`,
  ),
);

const metricSchema = v.object({
  namespace: v.string(),
  metricName: v.string(),
  dimensions: v.optional(v.record(v.string(), v.string()), {}),
  period,
  stat: v.pipe(
    v.string(),
    v.check(
      isStatistic,
      ({ input }) =>
        `the local stack has the statistics Sum, Average, Minimum, Maximum, SampleCount and percentiles, not ${input}`,
    ),
  ),
  unit: v.optional(v.string()),
});

const querySchema = v.object({
  id: v.string(),
  expression: v.optional(v.string()),
  label: v.optional(v.string()),
  period: v.optional(period),
  returnData: v.optional(v.boolean(), false),
  metric: v.optional(metricSchema),
});

const schema = v.object({
  metricQueries: v.array(querySchema),
  evaluationPeriods: v.pipe(v.number(), v.minValue(1)),
  datapointsToAlarm: v.optional(v.number()),
  threshold: v.number("it has no threshold of its own: anomaly detection is not supported"),
  comparisonOperator: operatorSchema,
  treatMissingData: v.optional(v.picklist(["missing", "notBreaching", "breaching", "ignore"])),
  evaluateLowSampleCountPercentiles: v.optional(
    v.literal("evaluate", "the local stack also evaluates percentiles of few samples"),
  ),
  actionsEnabled: v.optional(v.boolean(), true),
  alarmActions: arns,
  okActions: arns,
  insufficientDataActions: arns,
});

/** Reads an `aws:cloudwatch/metricAlarm:MetricAlarm`. */
export const alarmDefinition = ({ name, inputs }: Resource): AlarmDefinition | UnsupportedAlarm => {
  const identity = {
    name: typeof inputs.name === "string" ? inputs.name : name,
    description: typeof inputs.alarmDescription === "string" ? inputs.alarmDescription : undefined,
  };
  const parsed = v.safeParse(schema, { ...inputs, metricQueries: metricQueriesOf(inputs) });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    return { ...identity, unsupported: `It cannot be evaluated: ${v.getDotPath(issue)}: ${issue.message}.` };
  }
  try {
    return { ...identity, ...definitionOf(parsed.output) };
  } catch (error) {
    if (!(error instanceof MathError)) throw error;
    return { ...identity, unsupported: error.message };
  }
};

/** An alarm on one metric names it among its own inputs; here it is a query like any other. */
const metricQueriesOf = ({ metricQueries, statistic, extendedStatistic, ...metric }: Resource["inputs"]) =>
  Array.isArray(metricQueries) && metricQueries.length > 0
    ? metricQueries
    : [{ id: "m1", metric: { ...metric, stat: extendedStatistic ?? statistic } }];

/** CloudWatch's limit on one alarm. */
const maxMetrics = 10;

const definitionOf = (
  inputs: v.InferOutput<typeof schema>,
): Omit<AlarmDefinition, "name" | "description"> => {
  const { metricQueries, evaluationPeriods, threshold, comparisonOperator, actionsEnabled } = inputs;
  const queries = metricQueries.map(queryOf);
  const periods = new Set(metricQueries.map((query) => query.metric?.period ?? query.period));
  periods.delete(undefined);
  const [seconds, ...others] = periods;
  if (seconds === undefined || others.length > 0)
    throw new MathError("It cannot be evaluated: its metrics need one period, the same for all.");
  const metricCount = queries.filter(({ kind }) => kind === "metric").length;
  if (metricCount > maxMetrics)
    throw new MathError(
      `CloudWatch would refuse it: an alarm's expression can include ${maxMetrics} metrics, and it has ${metricCount}.`,
    );
  const [only, ...more] = metricQueries;
  const watched = more.length === 0 ? only : metricQueries.find(({ returnData }) => returnData);
  if (!watched) throw new MathError("It cannot be evaluated: one of its queries needs returnData.");
  return {
    queries,
    watched: watched.id,
    periodMs: seconds * 1000,
    evaluationPeriods,
    datapointsToAlarm: inputs.datapointsToAlarm ?? evaluationPeriods,
    threshold,
    comparisonOperator,
    actionsEnabled,
    treatMissingData: inputs.treatMissingData ?? defaultTreatment(queries),
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

const queryOf = (query: v.InferOutput<typeof querySchema>): MetricQuery | ExpressionQuery => {
  const { id, expression, label, metric } = query;
  if (expression !== undefined)
    return { kind: "expression", id, text: expression, label, expression: parseMath(expression) };
  if (!metric) throw new MathError(`It cannot be evaluated: query ${id} has no metric and no expression.`);
  const { namespace, metricName: name, dimensions, stat: statistic, unit } = metric;
  return { kind: "metric", id, metric: { namespace, name, dimensions }, statistic, unit };
};
