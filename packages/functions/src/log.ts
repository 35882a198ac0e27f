import { Logger } from "@aws-lambda-powertools/logger";
import type { Log } from "@lectern/core";

/** JSON lines on standard output; level and service come from the function's environment. */
export const logger = new Logger();

export const log: Log = {
  info: (message, fields = {}) => logger.info(message, fields),
  warn: (message, fields = {}) => logger.warn(message, fields),
  error: (message, fields = {}) => logger.error(message, fields),
};

/** A bug, or a fault that nothing caught: with its stack. */
export const logFault = (message: string, error: unknown): void =>
  logger.error(message, error instanceof Error ? error : new Error(String(error)));
