import { expect, test } from "vitest";
import { faultIn, refusedTokenIn } from "./log-line.js";

const denied =
  "User: arn:aws:sts::000000000000:assumed-role/role/fn is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/Sessions-prod because no identity-based policy allows the dynamodb:PutItem action";

const own = (fields: object) => JSON.stringify({ level: "ERROR", message: "Failed", ...fields });

test("a line of a function that may not do something names the action and the resource, not the account", () => {
  const line = own({
    errorCode: "INTERNAL_ERROR",
    error: { name: "AccessDeniedException", message: denied },
  });
  expect(faultIn(line)).toMatchObject({ forbidden: "dynamodb:PutItem on table/Sessions-prod" });
});

test("a 403 of @connections is a missing permission, told as a warning too", () => {
  const text = "SocketError: POST @connections failed: status 403";
  const line = JSON.stringify({ level: "WARN", message: "A connection could not be asked", error: text });
  expect(faultIn(line)).toEqual({ text, forbidden: "execute-api:ManageConnections", unavailable: false });
});

test("what could not be had is told from what went wrong", () => {
  const error = { name: "Error", message: "socket hang up" };
  expect(faultIn(own({ errorCode: "SERVICE_UNAVAILABLE", error }))).toEqual({
    text: "Error: socket hang up",
    unavailable: true,
  });
});

test.each([
  [
    "Lambda's JSON",
    '{"timestamp":"2026-01-01T00:00:00.000Z","level":"ERROR","requestId":"1","message":{"errorType":"TypeError","errorMessage":"no","stackTrace":[]}}',
    "TypeError: no",
  ],
  [
    "Lambda's text",
    '2026-01-01T00:00:00.000Z\t1\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"no","stack":[]}',
    "TypeError: no",
  ],
  [
    "a timeout as JSON",
    '{"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":10000},"status":"timeout"}}',
    "a timeout after 10.00 s",
  ],
  [
    "a timeout as text",
    "2026-01-01T00:00:00.000Z 1 Task timed out after 3.00 seconds",
    "a timeout after 3.00 s",
  ],
  [
    "an error without a cause",
    '{"level":"ERROR","message":"No free session id found"}',
    "No free session id found",
  ],
])("%s is a fault", (_, line, text) => {
  expect(faultIn(line)?.text).toBe(text);
});

test.each([
  ["what went well", '{"level":"INFO","message":"Session created","outcome":"ok"}'],
  ["a refusal", '{"level":"INFO","message":"Refused: Unknown action","errorCode":"INVALID_ACTION"}'],
  ["a warning about nothing that failed", '{"level":"WARN","message":"Repeated connect"}'],
  [
    "an authorizer that refuses a token",
    '{"level":"ERROR","message":{"errorType":"Error","errorMessage":"Unauthorized","stackTrace":[]}}',
  ],
  ["metrics", '{"_aws":{"Timestamp":1},"ColdStarts":1}'],
  ["any other text", "hello"],
])("%s is none", (_, line) => {
  expect(faultIn(line)).toBeUndefined();
});

test("a long text is cut, and only its first line told", () => {
  const { text = "" } = faultIn(own({ error: { name: "Error", message: `${"x".repeat(500)}\nat y` } })) ?? {};
  expect(text).toHaveLength(201);
  expect(text.endsWith("…")).toBe(true);
});

test("as what a token was refused is the protocol's code", () => {
  const line = JSON.stringify({ level: "INFO", message: "Token refused", errorCode: "TOKEN_EXPIRED" });
  expect(refusedTokenIn(line)).toBe("TOKEN_EXPIRED");
  expect(refusedTokenIn('{"level":"INFO","message":"authorize"}')).toBeUndefined();
});
