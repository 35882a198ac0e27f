import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { RequestRecord } from "../dynamodb/index.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { InvocationRecord } from "../lambda/scheduler.js";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType } from "../synth/graph.js";
import { type AlarmStatus, createAlarm, type Transition } from "./alarm.js";
import { alarmDefinition } from "./alarm-definition.js";
import { evaluationRange } from "./assess.js";
import { createEmfReader } from "./emf.js";
import { createMetrics, defaultRetentionMs, type Metrics, minuteMs } from "./metrics.js";
import {
  type ApiStage,
  putGatewayEvent,
  putInvocation,
  putIteratorAge,
  putQueueDepth,
  putRequest,
} from "./service-metrics.js";
import { alarmMessage, createTopics, type Notification } from "./sns.js";

export interface CloudWatchOptions {
  readonly graph: Pick<Graph, "resources">;
  readonly clock: Clock;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** An alarm changed its state. */
  readonly onAlarm?: (transition: Transition) => void;
  readonly onNotification?: (notification: Notification) => void;
  /** Called once per function and reason. */
  readonly onMalformedMetrics?: (functionName: string, reason: string) => void;
}

/** CloudWatch's metrics and alarms, and the SNS topics that alarms publish to. */
export type CloudWatch = ReturnType<typeof startCloudWatch>;

/**
 * Collects metrics and evaluates the program's alarms at every full minute of the clock. When the clock jumps over
 * several minutes, each of them is evaluated.
 */
export const startCloudWatch = (options: CloudWatchOptions) => {
  const { graph, clock, region = "us-east-1", onAlarm, onNotification, onMalformedMetrics } = options;
  const createdAt = clock.now();
  const definitions = ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(alarmDefinition);
  const retentionMs = Math.max(defaultRetentionMs, ...definitions.map(rangeMs));
  const metrics = createMetrics({ now: () => clock.now(), retentionMs });
  const topics = createTopics(graph, { now: () => clock.now(), onNotification });
  const alarms = definitions.map((definition) =>
    createAlarm(definition, {
      metrics,
      arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${definition.name}`,
      createdAt,
    }),
  );
  const stage = webSocketStage(graph);
  const queues = createQueues(metrics);

  const evaluateAt = (end: number, at: number): void => {
    for (const alarm of alarms) {
      const transition = alarm.evaluate(end, at);
      if (!transition) continue;
      onAlarm?.(transition);
      const { definition, state } = transition.alarm;
      if (!definition?.actionsEnabled) continue;
      const content = alarmMessage(transition, definition, { region, createdAt });
      for (const action of definition.actions[state]) topics.publish(action, content);
    }
  };

  // The first, partial minute is not evaluated: it holds too little data.
  let evaluatedTo = Math.ceil(createdAt / minuteMs) * minuteMs;
  const catchUp = (): void => {
    const last = wholeMinute(clock.now());
    // Older data has been dropped.
    evaluatedTo = Math.max(evaluatedTo, last - retentionMs);
    while (evaluatedTo < last) {
      evaluatedTo += minuteMs;
      queues.report(evaluatedTo - minuteMs);
      evaluateAt(evaluatedTo, evaluatedTo);
    }
  };

  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = clock.after(minuteMs - (clock.now() % minuteMs), () => {
      arm();
      catchUp();
    });
  };
  arm();

  return {
    metrics,
    /** Extracts metrics in Embedded Metric Format (EMF) from a function's log line. */
    ingestLog: createEmfReader(metrics.put, onMalformedMetrics),
    onInvocation: (record: InvocationRecord): void => putInvocation(metrics.put, record),
    onGatewayEvent: (event: GatewayEvent): void => {
      if (stage) putGatewayEvent(metrics.put, stage, event, clock.now());
    },
    onRequest: (record: RequestRecord): void => putRequest(metrics.put, record),
    /** The age of the last record of a stream's batch when the function got it, in ms. */
    iteratorAge: (functionName: string, ms: number): void =>
      putIteratorAge(metrics.put, functionName, ms, clock.now()),
    /** The number of messages in a queue. From then on it is reported every minute. */
    queueDepth: (queueArn: string, visible: number): void => queues.set(queueArn, visible, clock.now()),
    alarms: (): readonly AlarmStatus[] => alarms.map((alarm) => alarm.status()),
    /** The topics' latest messages, the newest first. */
    notifications: topics.notifications,
    /** Evaluates every alarm now, as if the current minute were over. */
    evaluate: (): void => {
      catchUp();
      const minute = wholeMinute(clock.now());
      queues.report(minute);
      evaluateAt(minute + minuteMs, clock.now());
    },
    /** Stops evaluating. */
    close: (): void => cancel(),
  };
};

const wholeMinute = (at: number): number => Math.floor(at / minuteMs) * minuteMs;

/** The time that an alarm looks back, with the current minute. */
const rangeMs = (definition: ReturnType<typeof alarmDefinition>): number =>
  "unsupported" in definition
    ? 0
    : evaluationRange(definition.evaluationPeriods) * definition.periodMs + minuteMs;

const webSocketStage = (graph: Pick<Graph, "resources">): ApiStage | undefined => {
  const api = ofType(graph, "aws:apigatewayv2/api:Api").find(
    ({ inputs }) => inputs.protocolType === "WEBSOCKET",
  );
  const stage = ofType(graph, "aws:apigatewayv2/stage:Stage").find(({ inputs }) => inputs.apiId === api?.id);
  const parsed = v.safeParse(v.object({ name: v.string() }), stage?.inputs);
  return api && parsed.success ? { apiId: api.id, stageName: parsed.output.name } : undefined;
};

/** The depths of queues: a gauge that is sampled once a minute and on each change. */
const createQueues = ({ put }: Metrics) => {
  const depths = new Map<string, { visible: number; sampledAt: number }>();
  const sample = (queueName: string, visible: number, at: number): void => {
    depths.set(queueName, { visible, sampledAt: wholeMinute(at) });
    putQueueDepth(put, queueName, visible, at);
  };
  return {
    set: (queueArn: string, visible: number, at: number): void =>
      sample(queueArn.split(":").at(-1) ?? queueArn, visible, at),
    /** Adds the minute's sample of each queue that has none yet. */
    report: (minute: number): void => {
      for (const [queueName, { visible, sampledAt }] of depths) {
        if (sampledAt < minute) sample(queueName, visible, minute);
      }
    },
  };
};
