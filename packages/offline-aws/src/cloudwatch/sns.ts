import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType } from "../synth/graph.js";
import type { Transition } from "./alarm.js";
import type { AlarmDefinition } from "./alarm-definition.js";

/** A message for a topic's subscribers. It is recorded here, not sent. */
export interface Notification {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string;
  /** JSON for an alarm's message. */
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** The topic's subscriptions; a protocol is `email`, `sqs`, `https`, … */
  readonly subscriptions: readonly { readonly protocol: string; readonly endpoint: string }[];
}

/** The number of messages kept. */
const keep = 200;

const subscriptionSchema = v.object({ topic: v.string(), protocol: v.string(), endpoint: v.string() });

/** Creates the topics that the program declares. */
export const createTopics = (
  graph: Pick<Graph, "resources">,
  { now, onNotification }: { now: () => number; onNotification: ((sent: Notification) => void) | undefined },
) => {
  const subscriptions = ofType(graph, "aws:sns/topicSubscription:TopicSubscription")
    .map(({ inputs }) => v.safeParse(subscriptionSchema, inputs))
    .flatMap((parsed) => (parsed.success ? [parsed.output] : []));
  const topics = new Set(ofType(graph, "aws:sns/topic:Topic").map(({ id }) => id));
  const sent: Notification[] = [];

  return {
    /** A message to a topic that the program does not declare is dropped, as on AWS. */
    publish: (topicArn: string, content: { readonly subject: string; readonly message: string }): void => {
      if (!topics.has(topicArn)) return;
      const notification: Notification = {
        messageId: randomUUID(),
        topicArn,
        ...content,
        timestamp: now(),
        subscriptions: subscriptions
          .filter(({ topic }) => topic === topicArn)
          .map(({ protocol, endpoint }) => ({ protocol, endpoint })),
      };
      sent.unshift(notification);
      if (sent.length > keep) sent.pop();
      onNotification?.(notification);
    },
    /** The latest messages of all topics, the newest first. */
    notifications: (): readonly Notification[] => [...sent],
  };
};

/**
 * The subject and the JSON message that CloudWatch publishes when an alarm changes its state. The field `Trigger`, a copy of
 * the alarm's definition, is left out: nothing here reads it.
 */
export const alarmMessage = (
  { from, alarm }: Transition,
  { actions }: AlarmDefinition,
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
    OKActions: actions.OK,
    AlarmActions: actions.ALARM,
    InsufficientDataActions: actions.INSUFFICIENT_DATA,
  };
  return {
    subject: `${alarm.state}: "${alarm.name}" in ${region}`,
    message: JSON.stringify(message),
  };
};

/** CloudWatch writes the zone as `+0000`. */
const time = (at: number): string => new Date(at).toISOString().replace("Z", "+0000");
