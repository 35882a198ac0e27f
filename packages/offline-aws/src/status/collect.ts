import {
  type AlarmDefinition,
  type AlarmStatus,
  type CloudWatch,
  comparisons,
  type Metrics,
} from "../cloudwatch/index.js";
import type { AttributeValue, Item, TableDefinition } from "../dynamodb/index.js";
import { type Graph, ofType } from "../synth/graph.js";
import type { Recorder } from "./recorder.js";
import type { AlarmState, MetricState, StatusState, TableState } from "./state.js";

/** The parts of a running stack that the status page shows. */
export interface StatusSources {
  readonly graph: Pick<Graph, "app" | "resources" | "outputs">;
  readonly region: string;
  readonly now: () => number;
  readonly endpoints: StatusState["endpoints"];
  readonly connectionCount: () => number;
  readonly recorder: Recorder;
  readonly cloudWatch: CloudWatch;
  readonly tables: readonly Pick<TableDefinition, "name" | "hashKey" | "rangeKey" | "attributes">[];
  /** A table's first items. */
  readonly items: (table: string, limit: number) => Promise<readonly Item[]> | readonly Item[];
}

/** How many items of each table the page shows. */
const maxRows = 100;
const minuteMs = 60_000;
const sparklineMinutes = 30;

/** Returns a function that collects the page's data. */
export const createStatusState = (sources: StatusSources): (() => Promise<StatusState>) => {
  const { graph, region, now, endpoints, connectionCount, recorder, cloudWatch, tables, items } = sources;
  const startedAt = now();
  const fixed = {
    app: graph.app.name,
    stage: graph.app.stage,
    region,
    startedAt,
    endpoints,
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, textOf(value)])),
    resources: resourcesOf(graph),
  };
  return async () => ({
    ...fixed,
    now: now(),
    connections: connectionCount(),
    functions: recorder.functions(),
    tables: await Promise.all(
      tables.map(async (table) => tableState(table, await items(table.name, maxRows + 1))),
    ),
    metrics: metricsOf(cloudWatch.metrics, now()),
    alarms: cloudWatch.alarms().map(alarmOf),
    notifications: cloudWatch.notifications().map((notification) => ({
      id: notification.messageId,
      at: notification.timestamp,
      topic: notification.topicArn.split(":").at(-1) ?? notification.topicArn,
      subject: notification.subject,
      message: notification.message,
      recipients: notification.subscriptions.map(({ protocol, endpoint }) => `${protocol} ${endpoint}`),
    })),
    logs: recorder.logs(),
  });
};

const tableState = (
  { name, hashKey, rangeKey, attributes }: StatusSources["tables"][number],
  items: readonly Item[],
): TableState => ({
  name,
  keys: rangeKey === undefined ? [hashKey] : [hashKey, rangeKey],
  indexed: attributes.map((attribute) => attribute.name),
  rows: items.slice(0, maxRows).map(rowOf),
  more: items.length > maxRows,
});

/** An item's attributes as text, for reading: `{S: "x"}` is `x`, a map is JSON. A value can have 400 KB, so it is cut. */
const rowOf = (item: Item): Record<string, string> =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, textOf(plainOf(value)).slice(0, 1_000)]),
  );

const plainOf = (value: AttributeValue): unknown => {
  if (value.N !== undefined) return Number(value.N);
  if (value.L) return value.L.map(plainOf);
  if (value.M)
    return Object.fromEntries(Object.entries(value.M).map(([name, inner]) => [name, plainOf(inner)]));
  return value.S ?? value.BOOL ?? value.B ?? value.SS ?? value.NS?.map(Number) ?? value.BS ?? null;
};

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");

/** The cloud's resources, without the components and providers that declare them. */
const resourcesOf = ({ resources }: Pick<Graph, "resources">): StatusState["resources"] => {
  const types = new Set(resources.map(({ type }) => type).filter((type) => !/^(sst|pulumi):/.test(type)));
  return [...types].sort().map((type) => ({
    type,
    names: ofType({ resources }, type)
      .map(({ name, inputs }) => (typeof inputs.name === "string" ? inputs.name : name))
      .sort(),
  }));
};

const metricsOf = (metrics: Metrics, now: number): MetricState[] => {
  const end = Math.floor(now / minuteMs) * minuteMs + minuteMs;
  return metrics
    .list()
    .map(({ namespace, name, dimensions, units }) => {
      const unit = units[0] ?? "None";
      const statistic = unit === "Count" ? "Sum" : unit === "None" ? "Average" : "p95";
      const points = metrics
        .series(
          { namespace, name, dimensions },
          { start: end - sparklineMinutes * minuteMs, end, statistic, periodMs: minuteMs, unit },
        )
        .map(({ value }) => value ?? null);
      const last = points.findLast((point) => point !== null) ?? null;
      return { namespace, name, dimensions, unit, statistic, points, last };
    })
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
};

const sortKey = ({ namespace, name, dimensions }: MetricState): string =>
  [namespace, name, ...Object.values(dimensions)].join("\0");

const alarmOf = ({ arn: _arn, definition, ...alarm }: AlarmStatus): AlarmState => ({
  ...alarm,
  description: alarm.description ?? "",
  value: alarm.value ?? null,
  watches: definition ? watchesOf(definition) : "not evaluated here",
  rule: definition ? ruleOf(definition) : "",
});

const watchesOf = ({ queries, watched }: AlarmDefinition): string => {
  const query = queries.find(({ id }) => id === watched);
  if (query?.kind === "expression") return query.label ?? query.text;
  if (!query) return "";
  const dimensions = Object.values(query.metric.dimensions).join(", ");
  return `${query.statistic} of ${query.metric.name}${dimensions ? ` (${dimensions})` : ""}`;
};

const ruleOf = (definition: AlarmDefinition): string => {
  const { comparisonOperator, threshold, datapointsToAlarm, evaluationPeriods, periodMs } = definition;
  return `${comparisons[comparisonOperator].sign} ${threshold.toLocaleString("en", { maximumFractionDigits: 6 })}; ${datapointsToAlarm} of ${evaluationPeriods} × ${periodMs / 1000} s`;
};
