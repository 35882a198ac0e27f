import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { type Graph, ofType } from "../synth/graph.js";

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
