import { expect, test } from "vitest";
import { type ErrorCode, errorCodes, isRetryable, statusOf } from "./index.js";

/** The codes as the documents list them. */
const documented: Record<ErrorCode, [status: number, retryable: boolean]> = {
  INVALID_ACTION: [400, false],
  INVALID_PARAMETERS: [400, false],
  INVALID_LANGUAGE: [400, false],
  INVALID_SESSION_ID: [400, false],
  UNSUPPORTED_LANGUAGE: [400, false],
  UNAUTHORIZED: [401, false],
  TOKEN_EXPIRED: [401, false],
  FORBIDDEN: [403, false],
  SESSION_NOT_FOUND: [404, false],
  MESSAGE_TOO_LARGE: [413, false],
  RATE_LIMIT_EXCEEDED: [429, true],
  INTERNAL_ERROR: [500, true],
  SESSION_FULL: [503, true],
  SERVICE_UNAVAILABLE: [503, true],
};

test.each(Object.entries(documented) as [ErrorCode, [number, boolean]][])(
  "%s carries its documented status, and says whether to try again",
  (code, [status, retryable]) => {
    expect(statusOf[code]).toBe(status);
    expect(isRetryable(code)).toBe(retryable);
  },
);

test("there is no other code", () => {
  expect([...errorCodes].sort()).toEqual(Object.keys(documented).sort());
});
