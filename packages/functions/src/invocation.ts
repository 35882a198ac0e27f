import { AsyncLocalStorage } from "node:async_hooks";
import { Logger } from "@aws-lambda-powertools/logger";
import { countFailure, Failure, type Log, type MetricName } from "@lectern/core";
import { flushMetrics, metrics } from "./metric.js";

type Fields = Readonly<Record<string, unknown>>;

/** What one operation has logged so far. */
interface Account {
  readonly fields: Record<string, unknown>;
  /** Each once: the reaper may close fifty thousand connections in one operation. */
  readonly events: Set<string>;
}

// Lambda's JSON log format sets this variable, and Powertools prefers it to the setting `logLevel`, which would do nothing.
delete process.env.AWS_LAMBDA_LOG_LEVEL;
const logger = new Logger();
const current = new AsyncLocalStorage<Account>();

/** The domain's log. Info messages are collected into the operation's one line; warnings and errors are lines at once. */
export const log: Log = {
  info: (message, fields = {}) => {
    const account = current.getStore();
    if (!account) return logger.info(message, fields);
    account.events.add(message);
    Object.assign(account.fields, fields);
  },
  warn: (message, fields = {}) =>
    logger.warn(message, { ...current.getStore()?.fields, ...printable(fields) }),
  error: (message, fields = {}) =>
    logger.error(message, { ...current.getStore()?.fields, ...printable(fields) }),
};

/** Reduces errors to name, message and stack. A schema's error would also print the whole row that it rejected. */
const printable = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? plainError(value) : value]),
  );

const plainError = ({ name, message, stack }: Error) => ({ name, message, stack });

export interface OperationOptions {
  /** `connect`, `heartbeat`, `welcome` */
  readonly operation: string;
  /** Fields of the log line: the connection, the request. */
  readonly fields: Fields;
  /** The share of successful operations whose line and latency are written, from 0 to 1; 1 by default. */
  readonly sampling?: number;
  /** A latency metric, and its start (ms since the epoch). */
  readonly latency?: { readonly metric: MetricName; readonly since: number };
  /** True when no client sees the failure. */
  readonly isBackground?: boolean;
}

let isCold = true;

/**
 * Runs an operation and writes one log line about it: what happened, how long it took, and the outcome. Refusals are
 * logged as such, faults with their stack; both are thrown on.
 */
export const instrumented = async <Result>(
  { operation, fields, sampling = 1, latency, isBackground = false }: OperationOptions,
  act: () => Promise<Result>,
): Promise<Result> => {
  const account: Account = { fields: { operation, ...fields }, events: new Set() };
  const begun = performance.now();
  const line = (outcome: "ok" | "refused" | "failed") => ({
    outcome,
    durationMs: Math.round((performance.now() - begun) * 10) / 10,
    ...account.fields,
  });
  try {
    const result = await current.run(account, act);
    if (sampling >= 1 || Math.random() < sampling) {
      logger.info([...account.events].join("; ") || operation, line("ok"));
      if (latency) metrics.record(latency.metric, Date.now() - latency.since);
    }
    return result;
  } catch (error) {
    const failure = error instanceof Failure ? error : new Failure("INTERNAL_ERROR");
    if (isBackground) metrics.record("BackgroundErrors", 1);
    else countFailure(metrics, failure);
    // A refusal with a cause is a fault that the client does not see.
    const fault = error instanceof Failure ? error.cause : error;
    if (fault === undefined) {
      logger.info(`Refused: ${failure.message}`, { ...line("refused"), errorCode: failure.code });
    } else {
      const error = fault instanceof Error ? fault : new Error(String(fault));
      logger.error("Failed", printable({ ...line("failed"), errorCode: failure.code, error }));
    }
    throw error;
  } finally {
    if (isCold) metrics.record("ColdStarts", 1);
    isCold = false;
    flushMetrics();
  }
};
