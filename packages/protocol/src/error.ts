import * as v from "valibot";

/** Every error code of the wire, with the HTTP status of a refused handshake. */
export const statusOf = {
  INVALID_ACTION: 400,
  INVALID_PARAMETERS: 400,
  INVALID_LANGUAGE: 400,
  INVALID_SESSION_ID: 400,
  UNSUPPORTED_LANGUAGE: 400,
  UNAUTHORIZED: 401,
  TOKEN_EXPIRED: 401,
  FORBIDDEN: 403,
  SESSION_NOT_FOUND: 404,
  MESSAGE_TOO_LARGE: 413,
  RATE_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  SESSION_FULL: 503,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof statusOf;

export const errorCodes = Object.keys(statusOf) as [ErrorCode, ...ErrorCode[]];

export const errorCodeSchema = v.picklist(errorCodes);

/** True when the same request may succeed later: for 429, 500 and 503 only. */
export const isRetryable = (code: ErrorCode): boolean => [429, 500, 503].includes(statusOf[code]);
