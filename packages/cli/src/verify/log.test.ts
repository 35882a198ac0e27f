import { expect, test } from "vitest";
import { faultIn } from "./log.js";

const denied =
  "User: arn:aws:sts::000000000000:assumed-role/role/fn is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/Sessions-prod because no identity-based policy allows the dynamodb:PutItem action";

const own = (fields: object) => JSON.stringify({ level: "ERROR", message: "Failed", ...fields });

test("a missing permission is named by action and resource, without the account", () => {
  const line = own({
    errorCode: "INTERNAL_ERROR",
    error: { name: "AccessDeniedException", message: denied },
  });
  expect(faultIn(line)).toBe(
    "may not do dynamodb:PutItem on table/Sessions-prod; grant it in infra/ and deploy",
  );
});

test("a 403 of @connections is a missing permission, also in a warning", () => {
  const text = "SocketError: POST @connections failed: status 403";
  const line = JSON.stringify({ level: "WARN", message: "A connection could not be asked", error: text });
  expect(faultIn(line)).toBe("may not do execute-api:ManageConnections; grant it in infra/ and deploy");
});

test("an unreachable dependency is told apart from a bug", () => {
  const error = { name: "Error", message: "socket hang up" };
  expect(faultIn(own({ errorCode: "SERVICE_UNAVAILABLE", error }))).toMatch(
    /^could not reach what it depends on \(Error: socket hang up\); /,
  );
});

test("an authorizer that cannot fetch the user pool's keys is at fault, one that refuses a token is not", () => {
  const line = (errorCode: string) => JSON.stringify({ level: "INFO", message: "Token refused", errorCode });
  expect(faultIn(line("SERVICE_UNAVAILABLE"))).toMatch(/^cannot fetch the user pool's keys; /);
  expect(faultIn(line("TOKEN_EXPIRED"))).toBeUndefined();
});

test.each([
  [
    "a handler that threw",
    '{"timestamp":"2026-01-01T00:00:00.000Z","level":"ERROR","requestId":"1","message":{"errorType":"TypeError","errorMessage":"no","stackTrace":[]}}',
    "TypeError: no",
  ],
  [
    "a timeout",
    '{"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":10000},"status":"timeout"}}',
    "a timeout after 10.00 s",
  ],
  [
    "an error without a cause",
    '{"level":"ERROR","message":"No free session id found"}',
    "No free session id found",
  ],
])("%s is a fault", (_, line, text) => {
  expect(faultIn(line)).toBe(`failed with ${text}; if that began with a deployment, roll it back`);
});

test.each([
  ["a success", '{"level":"INFO","message":"Session created","outcome":"ok"}'],
  ["a refusal", '{"level":"INFO","message":"Refused: Unknown action","errorCode":"INVALID_ACTION"}'],
  ["a warning without an error", '{"level":"WARN","message":"Repeated connect"}'],
  [
    "an authorizer that refuses a token",
    '{"level":"ERROR","message":{"errorType":"Error","errorMessage":"Unauthorized","stackTrace":[]}}',
  ],
  ["metrics", '{"_aws":{"Timestamp":1},"ColdStarts":1}'],
  ["any other text", "hello"],
])("%s is not a fault", (_, line) => {
  expect(faultIn(line)).toBeUndefined();
});

test("a long text is cut, and only its first line shown", () => {
  const text = faultIn(own({ error: { name: "Error", message: `${"x".repeat(500)}\nat y` } })) ?? "";
  expect(text).toContain(`${"x".repeat(193)}…; if`);
  expect(text).not.toContain("at y");
});
