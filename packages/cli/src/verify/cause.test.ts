import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FrameOf } from "@lectern/protocol";
import { expect, test } from "vitest";
import type { Component } from "../../../../infra/functions.js";
import { Trouble } from "../visitor.js";
import { type Insight, pages, type Step, sentenceOf } from "./cause.js";
import { blindOperator, type Operator, Unseen } from "./operator.js";
import { root } from "./testing.js";
import { tokenProblem } from "./token.js";

/** An operator of a stage called `prod` who sees these log lines and this state of the streams. */
const seeing = (
  lines: Partial<Record<Component, readonly string[]>> = {},
  brokenStream?: string,
): Insight => {
  const operator: Operator = {
    row: async () => undefined,
    brokenStream: async () => brokenStream,
    lines: async (name) => lines[name] ?? [],
    concurrency: async () => ({ unreserved: 1_000, problem: undefined }),
  };
  return { operator, stage: "prod", since: 0, patienceMs: 0 };
};

const blind = (stage?: string): Insight => ({
  operator: blindOperator("there are no AWS credentials"),
  stage,
  since: 0,
  patienceMs: 0,
});

const heartbeat: Step = {
  what: "The heartbeat",
  by: ["Heartbeat"],
  likely: { silence: "the route heartbeat has no route response" },
};
const welcome: Step = {
  what: "A connection that was let in",
  by: ["Welcome", "Connect"],
  stream: "Welcome",
};

const internal = new Trouble("INTERNAL_ERROR", "got the error INTERNAL_ERROR");
const silence = new Trouble("silence", "got no sessionCreated within 5.00 s");
const fault =
  '{"level":"ERROR","message":"Failed","errorCode":"INTERNAL_ERROR","error":{"name":"TypeError","message":"no"}}';

test("a fault in the function's log is the cause, with the function's page", async () => {
  expect(await sentenceOf(internal, heartbeat, seeing({ Heartbeat: [fault] }))).toBe(
    "The heartbeat got the error INTERNAL_ERROR: session-heartbeat-handler-prod failed with TypeError: no; if that began with a deployment, roll it back (docs/runbook.md#errors-heartbeat-handler).",
  );
});

test("logs are looked at in the functions' order, the newest line first", async () => {
  const older = fault.replace("TypeError", "Older");
  const lines = { Connect: [older, fault], Welcome: ['{"level":"INFO","message":"Welcomed"}'] };
  expect(await sentenceOf(silence, welcome, seeing(lines))).toContain(
    ": session-connection-handler-prod failed with TypeError: no; ",
  );
});

test("a log line that is found late counts too", async () => {
  let looks = 0;
  const { operator, ...rest } = seeing();
  const late: Operator = {
    ...operator,
    lines: async () => {
      looks += 1;
      return looks > 1 ? [fault] : [];
    },
  };
  const insight = { ...rest, operator: late, patienceMs: 1 };
  expect(await sentenceOf(internal, heartbeat, insight)).toContain("failed with TypeError: no");
});

test("without a fault the step's own likely cause is given, or that the function was not invoked", async () => {
  const unanswered = new Trouble("silence", "got no heartbeatAck within 5.00 s");
  expect(await sentenceOf(unanswered, heartbeat, seeing())).toBe(
    "The heartbeat got no heartbeatAck within 5.00 s: the route heartbeat has no route response (docs/deployment.md#troubleshooting).",
  );
  expect(await sentenceOf(internal, heartbeat, seeing())).toContain(
    ": its function was not invoked, or Lambda throttles it; ",
  );
});

test("without credentials the sentence names the logs to look at, and why nobody did", async () => {
  expect(await sentenceOf(internal, heartbeat, blind("prod"))).toContain(
    "; look at the ERROR lines in /aws/lambda/session-heartbeat-handler-prod, since there are no AWS credentials (docs/runbook.md#errors-heartbeat-handler).",
  );
  expect(await sentenceOf(silence, welcome, blind())).toContain(
    "/aws/lambda/session-welcome-<stage> and /aws/lambda/session-connection-handler-<stage>, since",
  );
});

test("another error than a look that failed is not hidden", async () => {
  const { operator, ...rest } = seeing();
  const failing = { ...operator, lines: () => Promise.reject(new TypeError("a bug")) };
  await expect(sentenceOf(internal, heartbeat, { ...rest, operator: failing })).rejects.toThrow("a bug");
  const unseen = { ...operator, lines: () => Promise.reject(new Unseen("no", true)) };
  expect(await sentenceOf(internal, heartbeat, { ...rest, operator: unseen })).toContain(", since no (");
});

test("a broken stream is the cause of a missing frame", async () => {
  const broken = "there is no event-source mapping from Connections-prod to session-welcome-prod";
  expect(await sentenceOf(silence, welcome, seeing({ Welcome: [fault] }, broken))).toBe(
    `A connection that was let in got no sessionCreated within 5.00 s: ${broken}; deploy the stage again (docs/runbook.md#stream-age-welcome).`,
  );
});

const limited = (limit: string, retryAfter: number): FrameOf<"error"> => ({
  type: "error",
  timestamp: 0,
  code: "RATE_LIMIT_EXCEEDED",
  message: "",
  status: 429,
  retryable: true,
  retryAfter,
  details: { limit },
});

test("a limit says how long to wait", async () => {
  const met = (limit: string) => new Trouble("429", "was refused with 429", limited(limit, 24));
  const handshake: Step = { what: "Creating a session", by: ["Connect"] };
  expect(await sentenceOf(met("listenerJoins"), handshake, blind())).toBe(
    "Creating a session was refused with 429: it met the limit of joins from this address; wait 24 s, and verify again.",
  );
  expect(await sentenceOf(met("sessions"), handshake, blind())).toContain(
    "it met this user's limit of sessions per hour; wait 24 s, or sign in as another user, and verify again.",
  );
});

test.each([
  ["400", "the stage is of another version than this checkout"],
  ["401", "the authorizer has identity sources, and must have none"],
  ["403", "the path of --url is not the API's stage"],
  ["404", "this client did not expect it"],
  ["429", "the API stage's throttle has deployed as zero"],
  ["500", "its function was not invoked"],
  ["502", "its function was not invoked"],
  ["let in", "the API has no route $connect"],
  ["closed", "the network does not keep connections"],
  ["INVALID_ACTION", "it went to $default, since the API has no route for it"],
  ["FORBIDDEN", "this client did not expect it"],
  ["Forbidden", "the API has no route for it, and no $default"],
  ["Internal server error", "its function was not invoked"],
  ["Too Many Requests", "the API stage's throttle has deployed as zero"],
])("the likely cause of %s", async (sign, cause) => {
  const about: Step = { what: "A handshake", by: ["Connect"] };
  const sentence = await sentenceOf(new Trouble(sign, `got ${sign}`), about, seeing());
  expect(sentence).toContain(`A handshake got ${sign}: ${cause}`);
  expect(sentence).toMatch(/\(docs\/[\w#.-]+\)\.$/);
});

test.each([
  ["ENOTFOUND", "nobody listens there"],
  ["ECONNREFUSED", "nobody listens there"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "the certificate is not good for this name"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the certificate is not good for this name"],
  ["CERT_HAS_EXPIRED", "the certificate is not good for this name"],
  ["EPROTO", "something else than a WebSocket API answers there"],
  ["HPE_INVALID_CONSTANT", "something else than a WebSocket API answers there"],
])("an endpoint that gives %s", async (code, cause) => {
  const trouble = new Trouble("unreachable", `got no answer (${code})`);
  const about: Step = { what: "A handshake", by: ["Connect"] };
  expect(await sentenceOf(trouble, about, blind())).toContain(`got no answer (${code}): ${cause}`);
});

const pool = { userPoolId: "us-east-1_Here", clientId: "app" };
const iss = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Here";

test.each([
  [{}, "what was given for a token is not one of a user pool"],
  [{ iss, exp: 60, client_id: "app" }, "the token has expired 2 min ago"],
  [{ iss: iss.replace("Here", "There"), exp: 600 }, "the token is of the user pool us-east-1_There"],
  [{ iss, exp: 600, client_id: "other" }, "the token is of another app client than the stage's, app"],
])("a refused token with the claims %j", (claims, cause) => {
  const token = `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  expect(tokenProblem({ token, pool, now: () => 3 * 60_000 })).toContain(cause);
});

test("a refused token whose claims are right", () => {
  const token = `x.${Buffer.from(JSON.stringify({ iss, exp: 600, aud: "app" })).toString("base64url")}.x`;
  expect(tokenProblem({ token, pool, now: () => 3 * 60_000 })).toBeUndefined();
});

test("a cause that is certain needs no log", async () => {
  const about: Step = { ...heartbeat, certain: { INTERNAL_ERROR: "it is known" } };
  expect(await sentenceOf(internal, about, seeing({ Heartbeat: [fault] }))).toContain(
    ": it is known (docs/deployment.md#troubleshooting).",
  );
});

const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

const names: readonly Component[] = [
  "Announce",
  "Authorizer",
  "Connect",
  "Default",
  "Disconnect",
  "Heartbeat",
  "Welcome",
];

test.each([
  ...Object.values(pages).filter((page) => typeof page === "string"),
  ...names.map(pages.errors),
  pages.stream("Welcome"),
  pages.stream("Announce"),
])("the documents have the section %s", async (link) => {
  const [file = "", anchor] = link.split("#");
  const text = await readFile(path.join(root, file), "utf8");
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slugOf(heading));
  expect(anchors).toContain(anchor);
});
