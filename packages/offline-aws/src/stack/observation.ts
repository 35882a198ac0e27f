import type { StackClock } from "../clock.js";
import { startCloudWatch } from "../cloudwatch/index.js";
import type { RequestRecord } from "../dynamodb/index.js";
import type { MappingEvent } from "../event-source/mapping.js";
import type { GatewayEvent } from "../gateway/api.js";
import type { InvocationRecord, LogLine } from "../lambda/scheduler.js";
import type { Plan } from "../plan/plan.js";
import { createFunctionOutput, createLogStore } from "../service/index.js";
import { createRecorder } from "../status/index.js";
import type { Graph } from "../synth/graph.js";
import { createUneventful } from "../uneventful.js";
import type { Observer } from "./stack.js";

/** Everything that watches a stack: metrics and alarms, the status page, the log groups, and the caller's observer. */
export type Observation = ReturnType<typeof observe>;

export const observe = (
  graph: Graph,
  { region, functions, logGroups, schedules }: Plan,
  clock: StackClock,
  watcher: Observer,
  functionOf: (accessKeyId: string | undefined) => string | undefined,
) => {
  const cloudWatch = startCloudWatch({
    graph,
    clock,
    region,
    onAlarm: ({ from, alarm }) => watcher.onAlarm?.({ from, ...alarm }),
    onNotification: ({ topicArn, subject }) => watcher.onNotification?.({ topicArn, subject }),
    onMalformedMetrics: (functionName, reason) =>
      watcher.say?.(`${functionName} wrote metrics that cannot be read: ${reason}`),
  });
  const recorder = createRecorder({
    now: () => clock.now(),
    functionNames: functions.map(({ name }) => name),
  });
  const logs = createLogStore({ groups: logGroups, clock });
  const functionOutput = createFunctionOutput({ functions, clock, put: logs.put });
  const uneventful = createUneventful({ schedules, functionOf, now: () => clock.now() });
  const delivered = new Map<string, number>();

  return {
    cloudWatch,
    recorder,
    /** The functions' log lines and the outcomes of their invocations. */
    functionOutput,
    /** The log groups. */
    logs: {
      events: (group: string) => {
        functionOutput.flush();
        return logs.events(group);
      },
    },
    /** Passes each event on to all of them. */
    observer: {
      onInvocation: (record: InvocationRecord): void => {
        recorder.onInvocation(record);
        functionOutput.onInvocation(record);
        cloudWatch.onInvocation(record);
        watcher.onInvocation?.(uneventful.mark(record));
      },
      onLog: (line: LogLine): void => {
        recorder.onLog(line);
        functionOutput.onLog(line);
        cloudWatch.ingestLog(line);
        watcher.onLog?.(line);
      },
      onGatewayEvent: (event: GatewayEvent): void => {
        uneventful.onGatewayEvent(event);
        cloudWatch.onGatewayEvent(event);
        watcher.onGatewayEvent?.(event);
      },
      onRequest: (record: RequestRecord): void => {
        uneventful.onRequest(record);
        cloudWatch.onRequest(record);
        watcher.onRequest?.(record);
      },
      onFailureDelivered: (destinationArn: string, body: unknown): void => {
        // No call here receives single messages: a queue grows until it is purged.
        const depth = (delivered.get(destinationArn) ?? 0) + 1;
        delivered.set(destinationArn, depth);
        cloudWatch.queueDepth(destinationArn, depth);
        watcher.onFailureDelivered?.(destinationArn, body);
      },
    },
    /** Empties the on-failure queues. */
    purgeFailures: (): void => {
      for (const destinationArn of delivered.keys()) {
        delivered.set(destinationArn, 0);
        cloudWatch.queueDepth(destinationArn, 0);
      }
    },
    /** Measures how far a stream's function is behind. */
    onMappingEvent: (functionName: string, event: MappingEvent): void => {
      if (event.kind !== "invoked") return;
      const created = event.records.at(-1)?.dynamodb.ApproximateCreationDateTime;
      if (created !== undefined) cloudWatch.iteratorAge(functionName, clock.now() - created * 1000);
    },
  };
};
