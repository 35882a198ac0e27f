import { settingsFrom } from "@lectern/core/settings";
import { type Graph, ofType, plan } from "offline-aws";
import * as v from "valibot";
import { functions as components } from "../../../../infra/functions.js";

/** A stage's fixed costs, and the settings that decide its other costs. */
export type Stage = ReturnType<typeof stageOf>;

/** `session-welcome-prod` → `welcome`, `lectern-limits-off-prod` → `limits-off` */
export const shortName = (physical: string, stage: string): string =>
  physical.replace(/^(session|lectern)-/, "").replace(new RegExp(`-${stage}$`), "");

/** Reads a stage's resources and settings from its evaluated infrastructure. */
export const stageOf = (graph: Graph) => {
  const { stage } = graph.app;
  const { functions, schedules } = plan(graph);
  const named = ({ name }: { readonly name: string }) =>
    functions.find((fn) => fn.name === `${name}-${stage}`);
  const environment = named(components.Heartbeat)?.environment ?? {};
  const settings = settingsFrom(environment);
  const reaper = schedules.find(({ functionName }) => functionName === named(components.Reaper)?.name);
  if (!reaper) throw new Error("The infrastructure declares no schedule for the reaper");
  return {
    name: stage,
    /** Each function's memory in MB, by its short name. */
    functions: sorted(functions.map(({ name, memoryMb }) => [shortName(name, stage), memoryMb])),
    /** The number of metrics of each alarm: AWS bills an alarm by them. An expression is free. */
    alarms: sorted(
      ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => {
        const { name, metricQueries } = v.parse(alarmSchema, inputs);
        return [shortName(name, stage), metricQueries?.filter(({ metric }) => metric).length ?? 1];
      }),
    ),
    /** True if the functions write custom metrics. */
    metrics: environment.POWERTOOLS_METRICS_DISABLED !== "true",
    dashboards: ofType(graph, "aws:cloudwatch/dashboard:Dashboard").length,
    accessLog: accessLogOf(graph),
    logRetentionDays: Math.max(
      ...ofType(graph, "aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) =>
        Number(inputs.retentionInDays),
      ),
    ),
    /** True if the tables have point-in-time recovery. */
    backups: ofType(graph, "aws:dynamodb/table:Table").some(
      ({ inputs }) => v.parse(tableSchema, inputs).pointInTimeRecovery?.enabled,
    ),
    /** Minutes between two runs of the reaper. */
    reaperMinutes: reaper.periodMs / 60_000,
    settings: {
      /** From `WARN` on, nothing is logged of requests that succeed. */
      logLevel: environment.POWERTOOLS_LOG_LEVEL ?? "",
      heartbeatIntervalSeconds: settings.heartbeatIntervalSeconds,
      heartbeatTimeoutSeconds: settings.heartbeatTimeoutSeconds,
      heartbeatLogSampling: Number(environment.HEARTBEAT_LOG_SAMPLING),
      rateLimitHeartbeatsPerMin: settings.rateLimitHeartbeatsPerMin,
      connectionRefreshMinutes: settings.connectionRefreshMinutes,
      sessionMaxDurationHours: settings.sessionMaxDurationHours,
      maxListenersPerSession: settings.maxListenersPerSession,
      maxActiveSessions: settings.maxActiveSessions,
    },
  };
};

const alarmSchema = v.object({
  name: v.string(),
  metricQueries: v.optional(v.array(v.object({ metric: v.optional(v.unknown()) }))),
});

const tableSchema = v.object({ pointInTimeRecovery: v.optional(v.object({ enabled: v.boolean() })) });

const gatewayStageSchema = v.object({
  accessLogSettings: v.optional(v.object({ format: v.string() })),
});

/** Bytes of the access log's line for each kind of event; 0 without an access log. */
const accessLogOf = (graph: Graph) => {
  const [stage] = ofType(graph, "aws:apigatewayv2/stage:Stage");
  const format = v.parse(gatewayStageSchema, stage?.inputs ?? {}).accessLogSettings?.format ?? "";
  return {
    connect: accessLogBytes(format, { eventType: "CONNECT", routeKey: "$connect" }),
    message: accessLogBytes(format, { eventType: "MESSAGE", routeKey: "heartbeat" }),
    disconnect: accessLogBytes(format, { eventType: "DISCONNECT", routeKey: "$disconnect" }),
  };
};

/** API Gateway's log variables, each with a value of the usual length. */
const samples: Readonly<Record<string, string>> = {
  requestTime: "19/Feb/2024:07:11:42 +0000",
  requestTimeEpoch: "1708326702000",
  requestId: "TXzPWdnOjoECGjA=",
  extendedRequestId: "TXzPWdnOjoECGjA=",
  status: "200",
  integrationStatus: "200",
  "integration.status": "200",
  integrationLatency: "125",
  "error.responseType": "-",
  "error.message": "-",
};

/** The length in bytes of an event's line in an access log with this format. */
export const accessLogBytes = (
  format: string,
  event: { readonly eventType: string; readonly routeKey: string },
): number =>
  Buffer.byteLength(
    format.replace(/\$context\.([\w.]+)/g, (_, variable: string) => {
      const value = { ...samples, ...event }[variable];
      if (value !== undefined) return value;
      throw new Error(`The length of the access log's $context.${variable} is unknown: add a sample`);
    }),
  );

const sorted = (entries: readonly (readonly [string, number])[]): Record<string, number> =>
  Object.fromEntries([...entries].sort(([a], [b]) => a.localeCompare(b)));
