/** The status page's data, which it fetches as JSON once a second. Times are ms since the epoch, by the stack's clock. */
export interface StatusState {
  readonly app: string;
  readonly stage: string;
  readonly region: string;
  readonly startedAt: number;
  readonly now: number;
  /** `{label: "WebSocket", url: "ws://127.0.0.1:4000/prod"}` */
  readonly endpoints: readonly { readonly label: string; readonly url: string }[];
  /** The program's outputs: strings as they are, other values as JSON. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Open sockets. */
  readonly connections: number;
  /** Grouped by type (`aws:lambda/function:Function`), with physical names. */
  readonly resources: readonly { readonly type: string; readonly names: readonly string[] }[];
  readonly functions: readonly FunctionState[];
  readonly tables: readonly TableState[];
  readonly metrics: readonly MetricState[];
  readonly alarms: readonly AlarmState[];
  /** Newest first. */
  readonly notifications: readonly NotificationState[];
  /** Newest last. */
  readonly logs: readonly LogEntry[];
}

export interface FunctionState {
  readonly name: string;
  readonly invocations: number;
  readonly errors: number;
  readonly coldStarts: number;
  /** Milliseconds, over the last invocations; null before the first. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly last: { readonly at: number; readonly text: string; readonly level: Level } | null;
}

export interface TableState {
  readonly name: string;
  /** The names of the hash key and, if there is one, the range key. */
  readonly keys: readonly string[];
  /** The names of all attributes that are keys of the table or of its indexes. */
  readonly indexed: readonly string[];
  /** The first items, attributes as text. */
  readonly rows: readonly Readonly<Record<string, string>>[];
  /** True when the table holds more items than `rows`. */
  readonly more: boolean;
}

export interface MetricState {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly unit: string;
  /** The statistic of `points` and `last`, one value per minute. */
  readonly statistic: string;
  /** One per minute, newest last, including the current minute; null for a minute without data. */
  readonly points: readonly (number | null)[];
  readonly last: number | null;
}

export interface AlarmState {
  readonly name: string;
  readonly description: string;
  readonly state: "OK" | "ALARM" | "INSUFFICIENT_DATA";
  readonly reason: string;
  readonly changedAt: number;
  readonly value: number | null;
  /** `p95 of Latency` */
  readonly watches: string;
  /** `> 2,000; 2 of 2 × 60 s` */
  readonly rule: string;
}

export interface NotificationState {
  readonly id: string;
  readonly at: number;
  readonly topic: string;
  readonly subject: string;
  readonly message: string;
  /** `email ops@example.com` */
  readonly recipients: readonly string[];
}

export type Level = "debug" | "info" | "warn" | "error" | "metric";

export interface LogEntry {
  /** Counts up from 1; a reader asks for the lines after the last that it has. */
  readonly seq: number;
  readonly at: number;
  readonly functionName: string;
  readonly requestId: string;
  readonly level: Level;
  readonly text: string;
}
