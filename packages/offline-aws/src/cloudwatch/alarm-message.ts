import { accountId } from "../synth/cloud.js";
import type { Transition } from "./alarm.js";
import type { AlarmDefinition, ExpressionQuery, MetricQuery } from "./alarm-definition.js";
import type { Dimensions } from "./metrics.js";
import { percentOf } from "./statistic.js";

/** The subject and the JSON message that CloudWatch publishes when an alarm changes its state. */
export const alarmMessage = (
  { from, alarm }: Transition,
  definition: AlarmDefinition,
  { region, createdAt }: { readonly region: string; readonly createdAt: number },
): { readonly subject: string; readonly message: string } => {
  const message = {
    AlarmName: alarm.name,
    AlarmDescription: alarm.description ?? null,
    AWSAccountId: accountId,
    AlarmConfigurationUpdatedTimestamp: time(createdAt),
    NewStateValue: alarm.state,
    NewStateReason: alarm.reason,
    StateChangeTime: time(alarm.changedAt),
    // AWS writes the region's long name here and in the subject: "US East (N. Virginia)".
    Region: region,
    AlarmArn: alarm.arn,
    OldStateValue: from,
    OKActions: definition.actions.OK,
    AlarmActions: definition.actions.ALARM,
    InsufficientDataActions: definition.actions.INSUFFICIENT_DATA,
    Trigger: trigger(definition),
  };
  return {
    subject: `${alarm.state}: "${alarm.name}" in ${region}`,
    message: JSON.stringify(message),
  };
};

/** CloudWatch writes the zone as `+0000`. */
const time = (at: number): string => new Date(at).toISOString().replace("Z", "+0000");

const trigger = (definition: AlarmDefinition): object => {
  const { queries, periodMs } = definition;
  const [only, ...others] = queries;
  const rule = {
    Period: periodMs / 1000,
    EvaluationPeriods: definition.evaluationPeriods,
    DatapointsToAlarm: definition.datapointsToAlarm,
    ComparisonOperator: definition.comparisonOperator,
    Threshold: definition.threshold,
    TreatMissingData: definition.treatMissingData,
    EvaluateLowSampleCountPercentile: "",
  };
  if (only?.kind !== "metric" || others.length > 0)
    return { ...rule, Metrics: queries.map((query) => mathMetric(query, definition)) };
  return {
    MetricName: only.metric.name,
    Namespace: only.metric.namespace,
    ...statistic(only.statistic),
    Unit: only.unit ?? null,
    Dimensions: dimensionList(only.metric.dimensions),
    ...rule,
  };
};

const statistic = (name: string): object =>
  percentOf(name) === undefined
    ? { StatisticType: "Statistic", Statistic: name === "SampleCount" ? "SAMPLE_COUNT" : name.toUpperCase() }
    : { StatisticType: "ExtendedStatistic", ExtendedStatistic: name };

const mathMetric = (query: MetricQuery | ExpressionQuery, { watched, periodMs }: AlarmDefinition): object => {
  const ReturnData = query.id === watched;
  if (query.kind === "expression")
    return {
      Expression: query.text,
      Id: query.id,
      ...(query.label === undefined ? {} : { Label: query.label }),
      ReturnData,
    };
  const { namespace, name, dimensions } = query.metric;
  return {
    Id: query.id,
    MetricStat: {
      Metric: { Dimensions: dimensionList(dimensions), MetricName: name, Namespace: namespace },
      Period: periodMs / 1000,
      Stat: query.statistic,
      ...(query.unit === undefined ? {} : { Unit: query.unit }),
    },
    ReturnData,
  };
};

const dimensionList = (dimensions: Dimensions): readonly { value: string; name: string }[] =>
  Object.entries(dimensions).map(([name, value]) => ({ value, name }));
