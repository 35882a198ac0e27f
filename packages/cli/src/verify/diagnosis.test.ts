import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FrameOf } from "@lectern/protocol";
import { describe, expect, test } from "vitest";
import {
  cause,
  deployAgain,
  frameSentence,
  handshakeSentence,
  limitSentence,
  missingFrame,
} from "./diagnosis.js";
import { createEvidence, type FunctionKey, functions } from "./evidence.js";
import { type Absence, blindOperator, type Mapping, type Operator, type Seen } from "./operator.js";
import { runbook, sections, streamAge } from "./section.js";
import { root } from "./testing.js";
import type { Symptom } from "./trouble.js";

/** What an operator sees of a stage called `prod`. */
const evidenceOf = ({
  lines = {},
  hasStream = true,
  mapping = { state: "Enabled" },
  isQuiet = { known: true, value: false },
}: {
  readonly lines?: Readonly<Record<string, readonly string[]>>;
  readonly hasStream?: boolean;
  readonly mapping?: Mapping;
  readonly isQuiet?: Seen<boolean>;
}) => {
  const operator: Operator = {
    row: async () => ({ known: true, value: undefined }),
    hasStream: async () => ({ known: true, value: hasStream }),
    mapping: async () => ({ known: true, value: mapping }),
    isQuiet: async () => isQuiet,
    lines: async (functionName) => ({ known: true, value: lines[functionName] ?? [] }),
  };
  return createEvidence({ operator, stage: "prod", since: 0, patienceMs: 0 });
};

const blind = (stage?: string) =>
  createEvidence({ operator: blindOperator("there are no AWS credentials"), stage, since: 0, patienceMs: 0 });

const heartbeat = { what: "The heartbeat", route: "heartbeat", key: "heartbeat" } as const;

const error = (frame: Partial<FrameOf<"error">>): Symptom => ({
  kind: "error",
  frame: {
    type: "error",
    timestamp: 0,
    code: "INTERNAL_ERROR",
    message: "",
    status: 500,
    retryable: true,
    ...frame,
  },
});

const url = "wss://live.example.com";
const pool = { userPoolId: "us-east-1_Here", clientId: "app" };
const iss = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Here";

test("without credentials the sentence says where to look, and why nobody has", async () => {
  expect(await frameSentence(error({}), { ...heartbeat, evidence: blind("prod") })).toBe(
    "The heartbeat was answered with INTERNAL_ERROR: look at the ERROR lines in /aws/lambda/session-heartbeat-handler-prod (there are no AWS credentials; docs/runbook.md#errors-heartbeat-handler).",
  );
  const welcome = await missingFrame(
    { what: "No sessionCreated came within 5.00 s of the handshake", evidence: blind() },
    { table: "Connections", key: "welcome" },
  );
  expect(welcome).toBe(
    "No sessionCreated came within 5.00 s of the handshake: look whether Connections-<stage> has a stream and an enabled event-source mapping to session-welcome-<stage> (there are no AWS credentials), and then: look at the ERROR lines in /aws/lambda/session-welcome-<stage> (there are no AWS credentials; docs/runbook.md#errors-welcome).",
  );
});

/** Of a stage called `pr-7`, of which nothing is there where the operator looks. */
const evidenceOfNothing = (from: Absence) => {
  const absent = async (what: string) =>
    ({ known: false, why: `there is no ${what}`, absent: from }) as const;
  const operator: Operator = {
    row: () => absent("table"),
    hasStream: async () => ({ known: true, value: true }),
    mapping: () => absent("function session-welcome-pr-7 in us-east-1"),
    isQuiet: () => absent("function"),
    lines: () => absent("log group /aws/lambda/session-heartbeat-handler-pr-7"),
  };
  return createEvidence({ operator, stage: "pr-7", since: 0, patienceMs: 0 });
};

test("names that nothing has are told as that", async () => {
  const evidence = evidenceOfNothing("from the stage");
  expect(await frameSentence(error({}), { ...heartbeat, evidence })).toBe(
    `The heartbeat was answered with INTERNAL_ERROR: there is no log group /aws/lambda/session-heartbeat-handler-pr-7; correct --stage, or ${deployAgain}.`,
  );
  const about = { what: "No sessionCreated came", evidence };
  expect(await missingFrame(about, { table: "Connections", key: "welcome" })).toBe(
    `No sessionCreated came: there is no function session-welcome-pr-7 in us-east-1; ${deployAgain}.`,
  );
});

test("names that nothing has in another account are not to be corrected, nor is the stage to be deployed there", async () => {
  const evidence = evidenceOfNothing("from another account");
  expect(await frameSentence(error({}), { ...heartbeat, evidence })).toBe(
    "The heartbeat was answered with INTERNAL_ERROR: there is no log group /aws/lambda/session-heartbeat-handler-pr-7; switch AWS_PROFILE.",
  );
  const about = { what: "No sessionCreated came", evidence };
  expect(await missingFrame(about, { table: "Connections", key: "welcome" })).toBe(
    "No sessionCreated came: there is no function session-welcome-pr-7 in us-east-1; switch AWS_PROFILE.",
  );
});

describe("a function that wrote no line, and would write none of what goes well", () => {
  const isQuiet = { known: true, value: true } as const;
  const nothing = (name: string) =>
    `the logLevel of ${name} lets it write nothing but warnings and faults, and there is none`;

  test("may have run or not: nothing is made of its silence", async () => {
    const silence = { kind: "silence", limitMs: 5_000 } as const;
    const evidence = evidenceOf({ isQuiet });
    const name = "session-heartbeat-handler-prod";
    expect(await frameSentence(silence, { ...heartbeat, evidence })).toBe(
      `The heartbeat got no answer within 5.00 s: the route heartbeat has no route response, or its function was not invoked or failed; look at the ERROR lines in /aws/lambda/${name} (${nothing(name)}; docs/runbook.md#errors-heartbeat-handler).`,
    );
    expect(await frameSentence(error({}), { ...heartbeat, evidence })).toBe(
      `The heartbeat was answered with INTERNAL_ERROR: look at the ERROR lines in /aws/lambda/${name} (${nothing(name)}; docs/runbook.md#errors-heartbeat-handler).`,
    );
  });

  test("may be behind the stream: what Lambda says of that is told all the same", async () => {
    const about = { table: "Connections", key: "welcome" } as const;
    const missing = (seen: Parameters<typeof evidenceOf>[0]) =>
      missingFrame({ what: "No sessionCreated came", evidence: evidenceOf({ isQuiet, ...seen }) }, about);
    expect(await missing({})).toContain(
      `look at the ERROR lines in /aws/lambda/session-welcome-prod (${nothing("session-welcome-prod")}; `,
    );
    expect(await missing({ mapping: { state: "Enabled", problem: "PROBLEM: no" } })).toContain(
      "Lambda says of the way from Connections-prod to session-welcome-prod: PROBLEM: no",
    );
  });

  test("may be the authorizer: there may be none, or the token is none of the pool's", async () => {
    const about = { what: "Creating a session", evidence: evidenceOf({ isQuiet }), url };
    const token = { claims: { iss, exp: 600, aud: "app" }, now: 0, pool };
    expect(await handshakeSentence({ kind: "refused", status: 401 }, { ...about, token })).toContain(
      `the token is not signed by the stage's user pool, or nobody looks at tokens, for want of an authorizer on the route $connect (${nothing("session-authorizer-prod")}); a local`,
    );
  });

  test("is told by its fault, however late that is found", async () => {
    let looks = 0;
    const fault = '{"level":"ERROR","message":"Failed","error":{"name":"TypeError","message":"x"}}';
    const operator: Operator = {
      ...blindOperator(""),
      isQuiet: async () => isQuiet,
      lines: async () => {
        looks += 1;
        return { known: true, value: looks > 1 ? [fault] : [] };
      },
    };
    const evidence = createEvidence({ operator, stage: "prod", since: 0, patienceMs: 1 });
    expect(await cause(evidence, "connect")).toContain("failed with TypeError: x");
  });

  test("does not speak for one that would have written", async () => {
    const operator: Operator = {
      ...blindOperator(""),
      isQuiet: async (name) => ({ known: true, value: name.includes("authorizer") }),
      lines: async () => ({ known: true, value: [] }),
    };
    const evidence = createEvidence({ operator, stage: "prod", since: 0, patienceMs: 0 });
    expect(await cause(evidence, "authorizer", "connect")).toContain(
      "session-connection-handler-prod wrote no line, so it was not invoked",
    );
  });
});

test("silence is made nothing of where it is not known what a function would write, or where there is none", async () => {
  const why =
    "the AWS credentials may not do lambda:GetFunctionConfiguration on session-heartbeat-handler-prod";
  expect(await cause(evidenceOf({ isQuiet: { known: false, why } }), "heartbeat")).toBe(
    `look at the ERROR lines in /aws/lambda/session-heartbeat-handler-prod (session-heartbeat-handler-prod wrote no line, and whether its logLevel would let it is not known: ${why}; docs/runbook.md#errors-heartbeat-handler)`,
  );
  const gone = {
    known: false,
    why: "there is no function x in us-east-1",
    absent: "from the stage",
  } as const;
  expect(await cause(evidenceOf({ isQuiet: gone }), "heartbeat")).toBe(
    `there is no function x in us-east-1; correct --stage, or ${deployAgain}`,
  );
});

test("a frame that nobody answers is told by whether its function ran", async () => {
  const silence = { kind: "silence", limitMs: 5_000 } as const;
  const status = { what: "getSessionStatus", route: "$default", key: "fallback" } as const;
  expect(await frameSentence(silence, { ...status, evidence: evidenceOf({}) })).toContain(
    "getSessionStatus got no answer within 5.00 s: session-default-handler-prod wrote no line, so it was not invoked",
  );
  // Of good heartbeats only a share is logged.
  expect(await frameSentence(silence, { ...heartbeat, evidence: evidenceOf({}) })).toContain(
    "session-heartbeat-handler-prod logged no fault: the route heartbeat has no route response, or no permission",
  );
  const ran = evidenceOf({
    lines: { "session-default-handler-prod": ['{"level":"INFO","message":"message"}'] },
  });
  expect(await frameSentence(silence, { ...status, evidence: ran })).toContain(
    "though session-default-handler-prod ran: the route $default has no route response",
  );
});

test("API Gateway's own frames are told apart", async () => {
  const said = (message: string) =>
    frameSentence({ kind: "gateway", message }, { ...heartbeat, evidence: evidenceOf({}) });
  expect(await said("Forbidden")).toContain("the API has neither the route `heartbeat` nor $default; deploy");
  expect(await said("Internal server error")).toContain(
    '"Internal server error": session-heartbeat-handler-prod wrote no line, so it was not invoked',
  );
  expect(await said("Too Many Requests")).toContain("throttle has deployed as zero");
  expect(await said("hello")).toContain("is no frame of the protocol");
});

test("a limit says how long to wait", async () => {
  const frame = { code: "RATE_LIMIT_EXCEEDED", retryAfter: 24, details: { limit: "heartbeats" } } as const;
  expect(await frameSentence(error(frame), { ...heartbeat, evidence: blind() })).toBe(
    "The heartbeat met the limit of heartbeats of one connection (429): wait 24 s, and verify again.",
  );
  expect(limitSentence("Creating a session", "sessions", 72)).toBe(
    "Creating a session met this user's limit of sessions per hour (429): wait 72 s, or sign in as another user, and verify again.",
  );
});

test.each([
  [{ hasStream: false }, "the table Connections-prod has no stream, so nobody hears of its rows; deploy"],
  [
    { mapping: { state: "missing" } },
    "there is no event-source mapping from the stream of Connections-prod to session-welcome-prod; deploy",
  ],
  [
    { mapping: { state: "Disabled" } },
    "the event-source mapping from the stream of Connections-prod to session-welcome-prod is Disabled; deploy",
  ],
  [
    { mapping: { state: "Enabled", problem: "PROBLEM: Function call failed" } },
    "Lambda says of the way from Connections-prod to session-welcome-prod: PROBLEM: Function call failed (docs/runbook.md#stream-age-welcome)",
  ],
  [{}, "session-welcome-prod wrote no line, so the stream has not reached it yet"],
  [
    { lines: { "session-welcome-prod": ['{"level":"INFO","message":"Welcomed"}'] } },
    "session-welcome-prod ran without a fault, so its frame went astray; look at its API_GATEWAY_ENDPOINT",
  ],
  [
    {
      lines: {
        "session-welcome-prod": [
          '{"level":"ERROR","message":"Failed","errorCode":"INTERNAL_ERROR","error":{"name":"SocketError","message":"POST @connections failed: status 403"}}',
        ],
      },
    },
    "session-welcome-prod may not do execute-api:ManageConnections; grant it",
  ],
])("a welcome that is missing, with %j", async (seen, expected) => {
  const about = { what: "No sessionCreated came", evidence: evidenceOf(seen) };
  const sentence = await missingFrame(about, { table: "Connections", key: "welcome" });
  expect(sentence).toContain(expected);
});

const handshake = (symptom: Symptom, seen: Parameters<typeof evidenceOf>[0] = {}) =>
  handshakeSentence(symptom, { what: "A handshake", evidence: evidenceOf(seen), url });

test.each([
  [400, "the stage is of another version than this checkout"],
  [401, "though it needs no token: the authorizer has identity sources, and must have none"],
  [403, "the URL's path is not the API's stage"],
  [404, "which no WebSocket API of this app says: correct --url"],
  [429, "the API stage's throttle has deployed as zero"],
  [500, "session-authorizer-prod wrote no line, so it was not invoked"],
  [502, "session-authorizer-prod wrote no line"],
])("a handshake refused with %d", async (status, expected) => {
  expect(await handshake({ kind: "refused", status })).toContain(`refused with ${status}`);
  expect(await handshake({ kind: "refused", status })).toContain(expected);
});

test("503 is told by the logs: the pool's keys, or DynamoDB", async () => {
  const keys = {
    "session-authorizer-prod": [
      '{"level":"INFO","message":"Token refused","errorCode":"SERVICE_UNAVAILABLE"}',
    ],
  };
  expect(await handshake({ kind: "refused", status: 503 }, { lines: keys })).toContain(
    "session-authorizer-prod cannot fetch the user pool's keys; look",
  );
  const failed =
    '{"level":"ERROR","message":"Failed","errorCode":"SERVICE_UNAVAILABLE","error":{"name":"ProvisionedThroughputExceededException","message":"Slow down"}}';
  const table = { "session-connection-handler-prod": [failed] };
  expect(await handshake({ kind: "refused", status: 503 }, { lines: table })).toContain(
    "session-connection-handler-prod could not have what it depends on (ProvisionedThroughputExceededException: Slow down); look at DynamoDB's throttles",
  );
});

test.each([
  ["ENOTFOUND", "Nobody answers at wss://live.example.com (ENOTFOUND): correct --url"],
  ["ECONNREFUSED", "Nobody answers at wss://live.example.com (ECONNREFUSED): correct --url"],
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "has no certificate that is good for this name (DEPTH_ZERO_SELF_SIGNED_CERT)",
  ],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "has no certificate that is good for this name"],
  ["CERT_HAS_EXPIRED", "has no certificate that is good for this name"],
  [
    "EPROTO",
    "What answers at wss://live.example.com does not speak WebSocket over TLS (EPROTO): correct --url.",
  ],
  ["HPE_INVALID_CONSTANT", "does not speak WebSocket over TLS (HPE_INVALID_CONSTANT): correct --url."],
])("an endpoint that gives %s is told by that", async (why, expected) => {
  expect(await handshake({ kind: "unreachable", why })).toContain(expected);
});

const minute = 60_000;

test.each([
  [{}, "what was given for a token is none of a user pool"],
  [{ iss, exp: 60, client_id: "app" }, "the token has expired, 2 min ago"],
  [{ iss: iss.replace("Here", "There"), exp: 600 }, "the token is of the user pool us-east-1_There"],
  [{ iss, exp: 600, client_id: "other" }, "the token is of another app client than the stage's, app"],
  [{ iss, exp: 600, aud: "app" }, "the token is not signed by the stage's user pool"],
])("a token that is not taken, with the claims %j", async (claims, expected) => {
  const lines = {
    "session-authorizer-prod": ['{"level":"INFO","message":"Token refused","errorCode":"UNAUTHORIZED"}'],
  };
  const about = { what: "Creating a session", evidence: evidenceOf({ lines }), url };
  const token = { claims, now: 3 * minute, pool };
  const sentence = await handshakeSentence({ kind: "refused", status: 401 }, { ...about, token });
  expect(sentence).toContain(`Creating a session was refused with 401: `);
  expect(sentence).toContain(expected);
});

test("a fault is looked for in the functions in their order", async () => {
  const evidence = evidenceOf({
    lines: {
      "session-authorizer-prod": ['{"level":"INFO","message":"authorize"}'],
      "session-connection-handler-prod": [
        '{"level":"ERROR","message":{"errorType":"TypeError","errorMessage":"x is not a function"}}',
      ],
    },
  });
  expect(await cause(evidence, "authorizer", "connect")).toContain(
    "session-connection-handler-prod failed with TypeError: x is not a function; if that began with a deployment",
  );
});

const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

const keys = Object.keys(functions) as FunctionKey[];

test.each([...Object.values(sections), ...keys.map(runbook), streamAge("welcome"), streamAge("announce")])(
  "the documents have the section %s",
  async (link) => {
    const [file = "", anchor] = link.split("#");
    const text = await readFile(path.join(root, file), "utf8");
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slugOf(heading));
    expect(anchors).toContain(anchor);
  },
);
