import { errorCodes, serverFrameSchema, statusOf } from "@lectern/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import { midnight } from "../testing/index.js";
import { errorFrame, Failure } from "./failure.js";

test.each(errorCodes)("%s has a frame of the protocol, with its status and a sentence", (code) => {
  const frame = errorFrame(new Failure(code), midnight);
  expect(v.parse(serverFrameSchema, frame)).toEqual(frame);
  expect(frame).toMatchObject({ type: "error", code, status: statusOf[code], timestamp: midnight });
  expect(frame.message).toMatch(/^[A-Z]/);
});

test("only 429, 500 and 503 are retryable", () => {
  const retryable = errorCodes.filter((code) => errorFrame(new Failure(code), 0).retryable);
  expect(retryable).toEqual(["RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "SESSION_FULL", "SERVICE_UNAVAILABLE"]);
});

test("rule 7: a bad token and an expired one have different messages", () => {
  expect(new Failure("UNAUTHORIZED").message).toBe("Invalid token");
  expect(new Failure("TOKEN_EXPIRED").message).toBe("Token expired");
});

test("a frame has the failure's details, and not its cause", () => {
  const failure = new Failure("RATE_LIMIT_EXCEEDED", "Wait", {
    retryAfter: 6,
    details: { limit: "sessions" },
  });
  failure.cause = new Error("a secret");
  expect(errorFrame(failure, 5)).toEqual({
    type: "error",
    timestamp: 5,
    code: "RATE_LIMIT_EXCEEDED",
    message: "Wait",
    status: 429,
    retryable: true,
    retryAfter: 6,
    details: { limit: "sessions" },
  });
});
