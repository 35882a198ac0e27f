import type { ErrorCode } from "@lectern/protocol";

/** When each code comes. One without a description does not compile. */
export const errorMeanings: Readonly<Record<ErrorCode, string>> = {
  INVALID_ACTION: "The `action` is unknown, or a frame is no JSON object.",
  INVALID_PARAMETERS:
    "A parameter is missing or wrong; `details.parameter` names it. Also: a handshake that offers `bearer.<token>` without `lectern.v1`.",
  INVALID_LANGUAGE: "A language has not the form `es` or `pt-PT`.",
  INVALID_SESSION_ID: "A session's id has not the form `golden-eagle-427`.",
  UNSUPPORTED_LANGUAGE: "The language is not offered for this; `details.parameter` says which one.",
  UNAUTHORIZED: "The token is missing where one is needed, is forged, or is of another pool or client.",
  TOKEN_EXPIRED: "The token was good once: get a fresh one and try again with that.",
  FORBIDDEN:
    "This connection or user may not do that. With `details.reason` `replaced`: another connection of the same user has taken the session over, and this one is closed.",
  SESSION_NOT_FOUND: "There is no active session with this id.",
  MESSAGE_TOO_LARGE:
    "The message is over the limit. Most that are too large close the socket with 1009 instead.",
  RATE_LIMIT_EXCEEDED:
    "Too many requests; `retryAfter` says when the next is let through, `details.limit` which limit it was.",
  INTERNAL_ERROR: "A fault on the server's side.",
  SESSION_FULL: "Every seat is taken; one that is freed can be had again.",
  SERVICE_UNAVAILABLE: "Something that the server depends on does not answer.",
};
