import * as v from "valibot";
import type { Clock } from "../clock.js";
import type { RequestRecord } from "../dynamodb/index.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType } from "../synth/graph.js";
import { type Alarm, type AlarmStatus, createAlarm, type Transition } from "./alarm.js";
import { type AlarmDefinition, alarmDefinition } from "./alarm-definition.js";
import { alarmMessage } from "./alarm-message.js";
import { evaluationRange } from "./assess.js";
import { createEmfReader } from "./emf.js";
import { createMetrics, defaultRetentionMs, type Metrics, minuteMs } from "./metrics.js";
import {
  type ApiStage,
  putApiMetric,
  putGatewayEvent,
  putInvocation,
  putIteratorAge,
  putQueueDepth,
  putRequest,
} from "./service-metrics.js";
import { createTopics, type Notification } from "./sns.js";

export interface CloudWatchOptions {
  readonly graph: Pick<Graph, "resources">;
  readonly clock: Clock;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** An alarm came into another state. */
  readonly onAlarm?: (transition: Transition) => void;
  readonly onNotification?: (notification: Notification) => void;
  /** A function wrote metrics that cannot be read; once per function and reason. */
  readonly onMalformedMetrics?: (functionName: string, reason: string) => void;
}

/** CloudWatch and SNS, as far as a stack's own alarms need them. */
export interface CloudWatch {
  readonly metrics: Metrics;
  /** Reads a function's log line for metrics in Embedded Metric Format. */
  ingestLog(line: Pick<LogLine, "functionName" | "text">): void;
  onInvocation(record: InvocationRecord): void;
  onGatewayEvent(event: GatewayEvent): void;
  onRequest(record: RequestRecord): void;
  /** Messages that went over the WebSocket API, either way. */
  messages(count?: number): void;
  /** How old the last record of a stream's batch was when the function got it, in ms. */
  iteratorAge(functionName: string, ms: number): void;
  /** How many messages a queue holds now; reported every minute from here on. */
  queueDepth(queueArn: string, visible: number): void;
  alarms(): readonly AlarmStatus[];
  /** The topics' last messages, the newest first. */
  notifications(): readonly Notification[];
  /** Evaluates every alarm now, the minute under way included as if it were over. */
  evaluate(): void;
  /** Stops evaluating. */
  close(): void;
}

/**
 * Collects metrics and evaluates the program's alarms on them, by the alarms' own definitions, at every full minute of
 * the clock. A clock that jumps over several minutes has each of them evaluated.
 */
export const startCloudWatch = (options: CloudWatchOptions): CloudWatch => {
  const { graph, clock, region = "us-east-1", onAlarm, onNotification, onMalformedMetrics } = options;
  const createdAt = clock.now();
  const definitions = ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(alarmDefinition);
  const retentionMs = Math.max(defaultRetentionMs, ...definitions.map(rangeMs));
  const metrics = createMetrics({ now: () => clock.now(), retentionMs });
  const topics = createTopics(graph, {
    now: () => clock.now(),
    ...(onNotification ? { onNotification } : {}),
  });
  const alarms: readonly Alarm[] = definitions.map((definition) =>
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

  // The minute in which it starts has too little in it to be judged.
  let evaluatedTo = Math.ceil(createdAt / minuteMs) * minuteMs;
  const catchUp = (): void => {
    const last = wholeMinute(clock.now());
    // Before that there is no data left to evaluate.
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
    ingestLog: createEmfReader({
      put: metrics.put,
      ...(onMalformedMetrics ? { onMalformed: onMalformedMetrics } : {}),
    }),
    onInvocation: (record) => putInvocation(metrics.put, record),
    onGatewayEvent: (event) => {
      if (stage) putGatewayEvent(metrics.put, stage, event, clock.now());
    },
    onRequest: (record) => putRequest(metrics.put, record),
    messages: (count = 1) => {
      if (stage) putApiMetric(metrics.put, stage, "MessageCount", clock.now(), count);
    },
    iteratorAge: (functionName, ms) => putIteratorAge(metrics.put, functionName, ms, clock.now()),
    queueDepth: (queueArn, visible) => queues.set(queueArn, visible, clock.now()),
    alarms: () => alarms.map((alarm) => alarm.status()),
    notifications: topics.notifications,
    evaluate: () => {
      catchUp();
      const minute = wholeMinute(clock.now());
      queues.report(minute);
      evaluateAt(minute + minuteMs, clock.now());
    },
    close: () => cancel(),
  };
};

const wholeMinute = (at: number): number => Math.floor(at / minuteMs) * minuteMs;

/** How far back an alarm may look; the minute under way comes on top. */
const rangeMs = (definition: ReturnType<typeof alarmDefinition>): number =>
  isEvaluable(definition)
    ? evaluationRange(definition.evaluationPeriods) * definition.periodMs + minuteMs
    : 0;

const isEvaluable = (definition: ReturnType<typeof alarmDefinition>): definition is AlarmDefinition =>
  !("unsupported" in definition);

const webSocketStage = (graph: Pick<Graph, "resources">): ApiStage | undefined => {
  const api = ofType(graph, "aws:apigatewayv2/api:Api").find(
    ({ inputs }) => inputs.protocolType === "WEBSOCKET",
  );
  const stage = ofType(graph, "aws:apigatewayv2/stage:Stage").find(({ inputs }) => inputs.apiId === api?.id);
  const parsed = v.safeParse(v.object({ name: v.string() }), stage?.inputs);
  return api && parsed.success ? { apiId: api.id, stageName: parsed.output.name } : undefined;
};

/** Queues' depths: a gauge that stands until it changes, with one sample a minute. */
const createQueues = ({ put }: Metrics) => {
  const depths = new Map<string, { visible: number; sampledAt: number }>();
  const sample = (queueName: string, visible: number, at: number): void => {
    depths.set(queueName, { visible, sampledAt: wholeMinute(at) });
    putQueueDepth(put, queueName, visible, at);
  };
  return {
    set: (queueArn: string, visible: number, at: number): void =>
      sample(queueArn.split(":").at(-1) ?? queueArn, visible, at),
    /** Adds the sample of a minute that has none yet. */
    report: (minute: number): void => {
      for (const [queueName, { visible, sampledAt }] of depths) {
        if (sampledAt < minute) sample(queueName, visible, minute);
      }
    },
  };
};
