import { type ErrorCode, isRetryable, type ServerFrame, statusOf } from "@lectern/protocol";

export interface FailureOptions {
  /** Seconds until the same request may succeed. */
  readonly retryAfter?: number;
  /** What the refusal is about: the parameter's name, the session's id. */
  readonly details?: Readonly<Record<string, string>>;
}

/** A refusal that a client may see. Every other error is a bug, or a fault of something that we depend on. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: ErrorCode;
  readonly retryAfter: number | undefined;
  readonly details: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, message = messages[code], options: FailureOptions = {}) {
    super(message);
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.details = options.details;
  }

  get status(): number {
    return statusOf[this.code];
  }
}

/** The frame that tells a client of a failure. */
export const errorFrame = (failure: Failure, now: number): Extract<ServerFrame, { type: "error" }> => ({
  type: "error",
  timestamp: now,
  code: failure.code,
  message: failure.message,
  status: failure.status,
  retryable: isRetryable(failure.code),
  ...(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }),
  ...(failure.details === undefined ? {} : { details: { ...failure.details } }),
});

const messages: Record<ErrorCode, string> = {
  INVALID_ACTION: "Unknown action",
  INVALID_PARAMETERS: "Invalid parameters",
  INVALID_LANGUAGE: "A language is two lower-case letters, with a region where one is needed (es, pt-PT)",
  INVALID_SESSION_ID: "A session id looks like golden-eagle-427",
  UNSUPPORTED_LANGUAGE: "This language is not supported",
  UNAUTHORIZED: "Invalid token",
  TOKEN_EXPIRED: "Token expired",
  FORBIDDEN: "This connection may not do that",
  SESSION_NOT_FOUND: "There is no active session with this id",
  MESSAGE_TOO_LARGE: "The message is too large",
  RATE_LIMIT_EXCEEDED: "Too many requests",
  INTERNAL_ERROR: "Something went wrong on our side",
  SESSION_FULL: "This session is full",
  SERVICE_UNAVAILABLE: "The service is not available at the moment",
};
