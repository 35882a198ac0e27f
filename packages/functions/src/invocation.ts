import { AsyncLocalStorage } from "node:async_hooks";
import { Logger } from "@aws-lambda-powertools/logger";
import { countFailure, Failure, type Log, type MetricName } from "@lectern/core";
import { flushMetrics, metrics } from "./metric.js";

type Fields = Readonly<Record<string, unknown>>;

/** What one piece of work has said of itself so far. */
interface Account {
  readonly fields: Record<string, unknown>;
  readonly events: string[];
}

// With its JSON format Lambda always sets this, and Powertools puts it before the setting `logLevel`, which would do nothing.
delete process.env.AWS_LAMBDA_LOG_LEVEL;
const logger = new Logger();
const current = new AsyncLocalStorage<Account>();

/**
 * The domain's log. What it tells goes into the one line of the work at hand; what it warns of is a line of its own, at
 * once.
 */
export const log: Log = {
  info: (message, fields = {}) => {
    const account = current.getStore();
    if (!account) return logger.info(message, fields);
    account.events.push(message);
    Object.assign(account.fields, fields);
  },
  warn: (message, fields = {}) =>
    logger.warn(message, { ...current.getStore()?.fields, ...printable(fields) }),
  error: (message, fields = {}) =>
    logger.error(message, { ...current.getStore()?.fields, ...printable(fields) }),
};

/** Errors carry more than they say: a schema's has the whole row that broke it. Only what they say is logged. */
const printable = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? told(value) : value]),
  );

const told = ({ name, message, stack }: Error) => ({ name, message, stack });

export interface WorkOptions {
  /** `connect`, `heartbeat`, `welcome` */
  readonly operation: string;
  /** What the line says from the start: the connection, the request. */
  readonly fields: Fields;
  /** What is written of work that went well, from 0 to 1: its line, and its latency. Default 1. */
  readonly sampling?: number;
  /** A latency to measure, and since when (ms since the epoch). */
  readonly latency?: { readonly metric: MetricName; readonly since: number };
  /** Whether no client is answered with what it fails of. */
  readonly isBackground?: boolean;
}

let isCold = true;

/**
 * Does a piece of work and writes one line about it: what happened, how long it took, and how it ended. Refusals are told
 * from faults, and a fault comes with its stack; both are thrown on.
 */
export const work = async <Result>(
  { operation, fields, sampling = 1, latency, isBackground = false }: WorkOptions,
  act: () => Promise<Result>,
): Promise<Result> => {
  const account: Account = { fields: { operation, ...fields }, events: [] };
  const begun = performance.now();
  const line = (outcome: "ok" | "refused" | "failed") => ({
    outcome,
    durationMs: Math.round((performance.now() - begun) * 10) / 10,
    ...account.fields,
  });
  try {
    const result = await current.run(account, act);
    if (sampling >= 1 || Math.random() < sampling) {
      logger.info(account.events.join("; ") || operation, line("ok"));
      if (latency) metrics.record(latency.metric, Date.now() - latency.since);
    }
    return result;
  } catch (error) {
    const failure = error instanceof Failure ? error : new Failure("INTERNAL_ERROR");
    if (isBackground) metrics.record("BackgroundErrors", 1);
    else countFailure(metrics, failure);
    // What the client is told says nothing of a fault that is behind it.
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
