import type { Clock } from "../clock.js";
import { uuidOf } from "../synth/cloud.js";

export interface LogEvent {
  /** Grows with each event. */
  readonly eventId: string;
  readonly logStreamName: string;
  /** Milliseconds since the epoch, by the stack's clock. */
  readonly timestamp: number;
  readonly message: string;
}

/** The last events of each log group. */
export interface LogStore {
  put(group: string, message: string): void;
  /** The oldest first; undefined for a group that does not exist. */
  events(group: string): readonly LogEvent[] | undefined;
}

export interface LogStoreOptions {
  readonly groups: readonly string[];
  readonly clock: Clock;
  /** How many events a group keeps. Default 10,000. */
  readonly keep?: number;
}

interface Group {
  readonly events: LogEvent[];
  /** The index of the next event. In a full group it is the oldest event's. */
  next: number;
}

export const createLogStore = ({ groups, clock, keep = 10_000 }: LogStoreOptions): LogStore => {
  const stored = new Map(groups.map((name): [string, Group] => [name, { events: [], next: 0 }]));
  let count = 0;

  return {
    // Roles allow functions to write to their group, not to create it.
    put: (name, message) => {
      const group = stored.get(name);
      if (!group) return;
      count += 1;
      const timestamp = clock.now();
      group.events[group.next] = {
        eventId: idOf(count),
        logStreamName: streamOf(name, timestamp),
        timestamp,
        message,
      };
      group.next = (group.next + 1) % keep;
    },
    events: (name) => {
      const group = stored.get(name);
      return group && [...group.events.slice(group.next), ...group.events.slice(0, group.next)];
    },
  };
};

/** CloudWatch's event ids are numbers of 56 digits. */
const idOf = (count: number): string => `3${String(count).padStart(55, "0")}`;

/** Lambda has one stream per environment; here a function has one per day. */
const streamOf = (group: string, timestamp: number): string => {
  const day = new Date(timestamp).toISOString().slice(0, 10).replaceAll("-", "/");
  return `${day}/[$LATEST]${uuidOf(group).replaceAll("-", "")}`;
};
