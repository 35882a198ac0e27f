import { type ErrorCode, isRetryable, type ServerFrame, statusOf } from "@lectern/protocol";

/** What the refusal concerns, for programs: the parameter's name, the session's id. */
type Details = Readonly<Record<string, string>>;

export interface FailureOptions {
  /** Seconds until the same request may succeed. */
  readonly retryAfter?: number | undefined;
  readonly details?: Details | undefined;
  /** The fault behind the refusal; it is logged and never sent. */
  readonly cause?: unknown;
}

/** A refusal that a client may see. Every other error is a bug, or a fault of a service that we depend on. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: ErrorCode;
  readonly retryAfter: number | undefined;
  readonly details: Details | undefined;

  constructor(code: ErrorCode, message = messages[code], options: FailureOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.details = options.details;
  }

  get status(): number {
    return statusOf[this.code];
  }

  /** The same failure with further details. */
  with(details: Details): Failure {
    const { code, message, retryAfter, cause } = this;
    return new Failure(code, message, { retryAfter, cause, details: { ...this.details, ...details } });
  }
}

/** The frame that reports a failure to a client. */
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
