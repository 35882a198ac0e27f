import { named, settings } from "./stage";

export const alarmTopic = new sst.aws.SnsTopic("Alarms", {
  transform: { topic: { name: named("session-management-alarms") } },
});

if (settings.alarmEmail) {
  new aws.sns.TopicSubscription("AlarmsByEmail", {
    topic: alarmTopic.arn,
    protocol: "email",
    endpoint: settings.alarmEmail,
  });
}

type Metric = Pick<
  aws.cloudwatch.MetricAlarmArgs,
  "namespace" | "metricName" | "dimensions" | "statistic" | "extendedStatistic"
>;

/** A metric that the functions emit, summed over the stage. `statistic` may be a percentile such as `p95`. */
export const own = (metricName: string, statistic: string): Metric => ({
  namespace: "Lectern",
  metricName,
  dimensions: { service: "lectern", stage: $app.stage },
  ...(statistic.startsWith("p") ? { extendedStatistic: statistic } : { statistic }),
});

/** A metric of Lambda about one function, by its name without the stage. */
export const ofFunction = (name: string, metricName: string, statistic: string): Metric => ({
  namespace: "AWS/Lambda",
  metricName,
  dimensions: { FunctionName: named(name) },
  statistic,
});

interface Alarm {
  /** Its name without the app and the stage, and its heading in the runbook. */
  readonly name: string;
  /** One sentence about the problem. */
  readonly says: string;
  /** The seconds that one value covers. */
  readonly period: number;
  /** How many values in a row must cross the threshold. Default: 1. */
  readonly periods?: number;
  readonly threshold: number;
  readonly comparison?: "GreaterThanThreshold" | "LessThanThreshold";
  /** Whether missing values count as a breach. Default: they do not. */
  readonly missing?: "notBreaching" | "breaching";
  readonly of: Metric | { readonly metricQueries: aws.cloudwatch.MetricAlarmArgs["metricQueries"] };
}

const runbook = "docs/runbook.md";

/** `stream-age-welcome` → `StreamAgeWelcomeAlarm` */
const componentName = (name: string): string =>
  `${name.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase())}Alarm`;

/** Declares an alarm. The topic is notified when it starts and when it ends. */
export const alarm = ({ name, says, period, periods = 1, threshold, comparison, missing, of }: Alarm) =>
  new aws.cloudwatch.MetricAlarm(componentName(name), {
    // Alarms of all apps share one name space, and a second alarm of a name silently replaces the first.
    name: named(`lectern-${name}`),
    alarmDescription: `${says} What to do: ${runbook}#${name}`,
    ...("metricQueries" in of ? of : { ...of, period }),
    evaluationPeriods: periods,
    datapointsToAlarm: periods,
    threshold,
    comparisonOperator: comparison ?? "GreaterThanThreshold",
    treatMissingData: missing ?? "notBreaching",
    alarmActions: [alarmTopic.arn],
    okActions: [alarmTopic.arn],
  });

/** One value made from several metrics. The expression names each metric by its id. */
export const math = (
  id: string,
  expression: string,
  metrics: Readonly<Record<string, Metric>>,
  period: number,
) => ({
  metricQueries: [
    { id, expression, label: id, returnData: true },
    ...Object.entries(metrics).map(([of, { namespace, metricName, dimensions, statistic }]) => ({
      id: of,
      metric: { namespace, metricName: metricName ?? "", dimensions, period, stat: statistic ?? "Sum" },
    })),
  ],
});

/** Sums metrics that have no common dimension. A missing value counts as 0. CloudWatch takes ten metrics at most. */
export const sumOf = (metrics: readonly Metric[], period: number) => {
  const byId = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  const terms = Object.keys(byId).map((id) => `FILL(${id}, 0)`);
  return math("total", terms.join(" + "), byId, period);
};
