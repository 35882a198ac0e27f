import { settingsFrom } from "@lectern/core/settings";
import { type Graph, ofType, plan } from "offline-aws";
import * as v from "valibot";

/** What of a stage is paid for whether it is used or not, and what the use of the rest depends on. */
export const stageSchema = v.object({
  name: v.string(),
  /** Each function's memory in MB, by its physical name without `session-` and the stage. */
  functions: v.record(v.string(), v.number()),
  /** How many metrics each alarm watches: that is what it is paid by. */
  alarms: v.record(v.string(), v.number()),
  dashboards: v.number(),
  /** Bytes of the access log's line for each kind of event; 0 without an access log. */
  accessLog: v.object({ connect: v.number(), message: v.number(), disconnect: v.number() }),
  logRetentionDays: v.number(),
  /** Point-in-time recovery of the tables. */
  backups: v.boolean(),
  /** Between two runs of the reaper. */
  reaperMinutes: v.number(),
  settings: v.object({
    /** The least that log lines are about: from `WARN` on there is none of what went well. */
    logLevel: v.string(),
    heartbeatIntervalSeconds: v.number(),
    heartbeatTimeoutSeconds: v.number(),
    heartbeatLogSampling: v.number(),
    rateLimitHeartbeatsPerMin: v.number(),
    connectionRefreshMinutes: v.number(),
    sessionMaxDurationHours: v.number(),
    maxListenersPerSession: v.number(),
    maxActiveSessions: v.number(),
  }),
});

export type Stage = v.InferOutput<typeof stageSchema>;

/** `session-welcome-prod` → `welcome` */
export const shortName = (physical: string, stage: string): string =>
  physical.replace(/^session-/, "").replace(new RegExp(`-${stage}$`), "");

/** Reads a stage's resources and settings off what its deployment would create. */
export const stageOf = (graph: Graph): Stage => {
  const { stage } = graph.app;
  const { functions, schedules } = plan(graph);
  const find = (name: string) => {
    const found = functions.find((fn) => shortName(fn.name, stage) === name);
    if (!found) throw new Error(`The program declares no function ${name}`);
    return found;
  };
  const heartbeat = find("heartbeat-handler").environment;
  const reaper = schedules.find(({ functionName }) => functionName === find("reaper").name);
  if (!reaper) throw new Error("The program declares no schedule for the reaper");
  const settings = settingsFrom(heartbeat);
  return {
    name: stage,
    functions: sorted(functions.map(({ name, memoryMb }) => [shortName(name, stage), memoryMb])),
    alarms: sorted(
      ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => {
        const { name, metricQueries } = v.parse(alarmSchema, inputs);
        // Expressions are free, the metrics in them are not.
        return [shortName(name, stage), metricQueries?.filter(({ metric }) => metric).length ?? 1];
      }),
    ),
    dashboards: ofType(graph, "aws:cloudwatch/dashboard:Dashboard").length,
    accessLog: accessLogOf(graph),
    logRetentionDays: Math.max(
      ...ofType(graph, "aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) =>
        Number(inputs.retentionInDays),
      ),
    ),
    backups: ofType(graph, "aws:dynamodb/table:Table").some(
      ({ inputs }) => v.parse(tableSchema, inputs).pointInTimeRecovery?.enabled,
    ),
    reaperMinutes: reaper.periodMs / 60_000,
    settings: {
      logLevel: heartbeat.POWERTOOLS_LOG_LEVEL ?? "",
      heartbeatIntervalSeconds: settings.heartbeatIntervalSeconds,
      heartbeatTimeoutSeconds: settings.heartbeatTimeoutSeconds,
      heartbeatLogSampling: Number(heartbeat.HEARTBEAT_LOG_SAMPLING),
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

const accessLogOf = (graph: Graph): Stage["accessLog"] => {
  const [stage] = ofType(graph, "aws:apigatewayv2/stage:Stage");
  const format = v.parse(gatewayStageSchema, stage?.inputs ?? {}).accessLogSettings?.format;
  if (format === undefined) return { connect: 0, message: 0, disconnect: 0 };
  return {
    connect: accessLogBytes(format, { eventType: "CONNECT", routeKey: "$connect" }),
    message: accessLogBytes(format, { eventType: "MESSAGE", routeKey: "heartbeat" }),
    disconnect: accessLogBytes(format, { eventType: "DISCONNECT", routeKey: "$disconnect" }),
  };
};

/** What API Gateway puts in the place of its variables, as long as it usually is. */
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

/** How long a line of an access log with this format is for an event. */
export const accessLogBytes = (
  format: string,
  event: { readonly eventType: string; readonly routeKey: string },
): number =>
  Buffer.byteLength(
    format.replace(/\$context\.([\w.]+)/g, (_, variable: string) => {
      const value = { ...samples, ...event }[variable];
      if (value === undefined) {
        throw new Error(
          `The access log has $context.${variable}, whose length is not known here: add a sample`,
        );
      }
      return value;
    }),
  );

const sorted = (entries: readonly (readonly [string, number])[]): Record<string, number> =>
  Object.fromEntries([...entries].sort(([a], [b]) => a.localeCompare(b)));
