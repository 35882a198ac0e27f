import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { type Graph, ofType } from "../synth/graph.js";

export interface Subscription {
  /** `email`, `sqs`, `https`, … */
  readonly protocol: string;
  readonly endpoint: string;
}

/** A message for a topic's subscribers. It is recorded here, not sent. */
export interface Notification {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string;
  /** JSON for an alarm's message. */
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** The topic's subscriptions. */
  readonly subscriptions: readonly Subscription[];
}

export interface Topics {
  /** Returns false when the program declares no such topic: the message is dropped, as on AWS. */
  publish(topicArn: string, content: { readonly subject: string; readonly message: string }): boolean;
  /** The latest messages of all topics, the newest first. */
  notifications(): readonly Notification[];
}

export interface TopicsOptions {
  readonly now: () => number;
  readonly onNotification?: (notification: Notification) => void;
  /** The number of messages kept per topic. Default 50. */
  readonly keep?: number;
}

const subscriptionSchema = v.object({
  topic: v.string(),
  protocol: v.string(),
  endpoint: v.string(),
});

/** Creates the topics that the program declares. */
export const createTopics = (
  graph: Pick<Graph, "resources">,
  { now, onNotification, keep = 50 }: TopicsOptions,
): Topics => {
  const subscriptions = ofType(graph, "aws:sns/topicSubscription:TopicSubscription")
    .map(({ inputs }) => v.safeParse(subscriptionSchema, inputs))
    .filter((parsed) => parsed.success)
    .map(({ output }) => output);
  const topics = new Map(ofType(graph, "aws:sns/topic:Topic").map(({ id }) => [id, [] as Notification[]]));
  let published = 0;
  const order = new WeakMap<Notification, number>();

  return {
    publish: (topicArn, content) => {
      const messages = topics.get(topicArn);
      if (!messages) return false;
      const notification: Notification = {
        messageId: randomUUID(),
        topicArn,
        ...content,
        timestamp: now(),
        subscriptions: subscriptions
          .filter(({ topic }) => topic === topicArn)
          .map(({ protocol, endpoint }) => ({ protocol, endpoint })),
      };
      published += 1;
      order.set(notification, published);
      messages.push(notification);
      if (messages.length > keep) messages.shift();
      onNotification?.(notification);
      return true;
    },
    notifications: () =>
      [...topics.values()].flat().sort((a, b) => (order.get(b) ?? 0) - (order.get(a) ?? 0)),
  };
};
