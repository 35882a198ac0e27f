import type { StackClock } from "./clock.js";
import { type CloudWatch, startCloudWatch } from "./cloudwatch/index.js";
import type { MappingEvent } from "./event-source/mapping.js";
import type { InvocationRecord } from "./lambda/scheduler.js";
import type { Plan } from "./plan.js";
import { createFunctionOutput, createLogStore, type FunctionOutput, type LogStore } from "./service/index.js";
import type { Observer } from "./stack.js";
import { createRecorder, type Recorder } from "./status/index.js";
import type { Graph } from "./synth/graph.js";
import { createUneventful } from "./uneventful.js";

/** What is seen of a running stack: its metrics and alarms, what the status page shows, and whoever else watches. */
export interface Observation {
  readonly cloudWatch: CloudWatch;
  readonly recorder: Recorder;
  /** What the functions write, and what became of each invocation. */
  readonly functionOutput: FunctionOutput;
  /** The log groups. */
  readonly logs: Pick<LogStore, "events">;
  /** Tells everyone. */
  readonly observer: Required<
    Pick<Observer, "onLog" | "onGatewayEvent" | "onRequest" | "onFailureDelivered">
  > & { onInvocation(record: InvocationRecord): void };
  /** Tells how far a stream's function is behind. */
  onMappingEvent(functionName: string, event: MappingEvent): void;
  /** Takes every message from the queues of what was given up. */
  purgeFailures(): void;
}

export const observe = (
  graph: Graph,
  { region, functions, logGroups, schedules }: Plan,
  clock: StackClock,
  watcher: Observer,
  functionOf: (accessKeyId: string | undefined) => string | undefined,
): Observation => {
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
    functionOutput,
    logs: {
      events: (group) => {
        functionOutput.flush();
        return logs.events(group);
      },
    },
    observer: {
      onInvocation: (record) => {
        recorder.onInvocation(record);
        functionOutput.onInvocation(record);
        cloudWatch.onInvocation(record);
        watcher.onInvocation?.(uneventful.mark(record));
      },
      onLog: (line) => {
        recorder.onLog(line);
        functionOutput.onLog(line);
        cloudWatch.ingestLog(line);
        watcher.onLog?.(line);
      },
      onGatewayEvent: (event) => {
        uneventful.onGatewayEvent(event);
        cloudWatch.onGatewayEvent(event);
        watcher.onGatewayEvent?.(event);
      },
      onRequest: (record) => {
        uneventful.onRequest(record);
        cloudWatch.onRequest(record);
        watcher.onRequest?.(record);
      },
      onFailureDelivered: (destinationArn, body) => {
        // Nothing takes single messages from a queue here: its depth grows until it is purged.
        const depth = (delivered.get(destinationArn) ?? 0) + 1;
        delivered.set(destinationArn, depth);
        cloudWatch.queueDepth(destinationArn, depth);
        watcher.onFailureDelivered?.(destinationArn, body);
      },
    },
    purgeFailures: () => {
      for (const destinationArn of delivered.keys()) {
        delivered.set(destinationArn, 0);
        cloudWatch.queueDepth(destinationArn, 0);
      }
    },
    onMappingEvent: (functionName, event) => {
      if (event.kind !== "invoked") return;
      const created = event.records.at(-1)?.dynamodb.ApproximateCreationDateTime;
      if (created !== undefined) cloudWatch.iteratorAge(functionName, clock.now() - created * 1000);
    },
  };
};
