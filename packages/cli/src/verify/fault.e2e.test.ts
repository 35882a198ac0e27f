import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Stack, startStack } from "offline-aws";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { graphOf } from "../../../../infra/testing/graph.js";
import { awsAt } from "../aws.js";
import { connect, statusOf } from "../client.js";
import type { Check, Subject } from "./check.js";
import { endsSession, forgetsLeavers } from "./exit.js";
import { acknowledgesHeartbeats, refreshesConnections } from "./frames.js";
import { answers, createsSession, joinsSession, refusesBadTokens, refusesWrongIds } from "./handshake.js";
import { blindOperator, createOperator, Unseen } from "./operator.js";
import { hasConcurrency } from "./quota.js";
import { storesListener, storesSession } from "./rows.js";
import { checks, type Result } from "./suite.js";
import { findTarget, type Wanted } from "./target.js";
import { performAll, root, subjectAt } from "./testing.js";

/** Under a minute, so that the refresh can be checked. */
const refreshMinutes = 0.5;

let stack: Stack;
let restore: () => unknown = () => undefined;
const keys = new Map<string, string>();

beforeAll(async () => {
  const graph = await graphOf("local", {
    rateLimitSessionsPerHour: "1",
    rateLimitListenerJoinsPerMin: "4",
    connectionRefreshMinutes: `${refreshMinutes}`,
    connectionWarningMinutes: "60",
  });
  stack = await startStack({
    root,
    graph,
    schedules: false,
    observer: {
      onRequest: ({ accessKeyId }) => {
        const name = stack.functionOf(accessKeyId);
        if (name && accessKeyId) keys.set(name, accessKeyId);
      },
    },
  });
});

afterEach(() => restore());
afterEach(() => vi.unstubAllEnvs());
afterAll(() => stack?.stop());

const verified = async (change: Partial<Subject> = {}, made: readonly Check[] = checks) => {
  const results = await performAll(await subjectAt(stack, change), made);
  return (check: Check): Partial<Result> => results.get(check.name) ?? {};
};

const statuses = (of: (check: Check) => Partial<Result>) => {
  const names = (status: Result["status"]) =>
    checks.filter((check) => of(check).status === status).map(({ name }) => name);
  return { failed: names("failed"), skipped: names("skipped") };
};

const created = [answers, createsSession];

test("every check passes on a sound stack, and no socket stays open", async () => {
  const results = await performAll(await subjectAt(stack, { refreshMinutes }));
  expect([...results.values()]).toEqual(
    checks.map(({ name }) => ({
      name,
      status: "passed",
      tookMs: expect.any(Number),
      seen: expect.any(String),
    })),
  );
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
});

test("a run ends its session, also when it stops half-way", async () => {
  const subject = await subjectAt(stack);
  const results = await performAll(subject, created);
  const [sessionId = ""] = results.get(createsSession.name)?.seen?.split(" ") ?? [];
  await vi.waitFor(async () => {
    const row = await subject.operator.row("Sessions", sessionId);
    expect(row).toMatchObject({ isActive: false, endReason: "ended" });
  });
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
});

test("a user who has created too many sessions is told how long to wait", async () => {
  const { token } = await subjectAt(stack);
  await verified({ token }, created);
  const of = await verified({ token }, created);
  expect(of(createsSession)).toMatchObject({
    status: "failed",
    sentence: expect.stringMatching(
      /^Creating a session was refused with 429 RATE_LIMIT_EXCEEDED: it met this user's limit of sessions per hour; wait \d{4} s, or sign in as another user, and verify again\.$/,
    ),
  });
});

/** Has an address use up half of its four joins, so that a run does not get by with the rest. */
const useUp = async (address: string): Promise<void> => {
  const query = { action: "joinSession", sessionId: "nobody-here-404", targetLanguage: "es" };
  for (const _ of [1, 2]) {
    expect(await statusOf(connect(stack.webSocketUrl, query, { address }))).toBe(404);
  }
};

test("an address that has met its limit waits as long as it must, and says so", async () => {
  const address = "198.18.0.1";
  await useUp(address);
  const said: string[] = [];
  const of = await verified({ address, say: (line) => said.push(line) });
  expect(statuses(of)).toEqual({ failed: [], skipped: [refreshesConnections.name] });
  expect(said.join()).toMatch(/This address has met its limit of listenerJoins: waiting \d{1,2} s/);
});

test("an address whose limit stays met is told how long to wait", async () => {
  const address = "198.18.0.2";
  await useUp(address);
  const of = await verified({ address, pause: async () => undefined });
  expect(statuses(of).failed).toEqual([refusesWrongIds.name]);
  expect(of(refusesWrongIds).sentence).toMatch(
    /: it met the limit of joins from this address; wait \d{1,2} s, and verify again\.$/,
  );
});

test("the user pool's keys cannot be fetched: the token is not blamed", async () => {
  stack.tokenService.available = false;
  restore = () => {
    stack.tokenService.available = true;
  };
  await stack.kill("session-authorizer-local");
  const of = await verified({}, [answers, refusesBadTokens, createsSession]);
  const why =
    /: session-authorizer-local cannot fetch the user pool's keys; look at Cognito's status in the region/;
  expect(of(createsSession).sentence).toMatch(/refused with 503/);
  // A listener is let in as anonymous, and refused for the wrong id.
  expect(of(refusesBadTokens).sentence).toMatch(/refused with 404/);
  for (const check of [refusesBadTokens, createsSession]) expect(of(check).sentence).toMatch(why);
});

test("DynamoDB cannot be reached", async () => {
  restore = stack.faults.inject({ match: {}, kind: "unreachable" });
  const of = await verified({}, created);
  expect(of(createsSession).sentence).toMatch(
    /^Creating a session was refused with 503.*: session-connection-handler-local could not reach what it depends on \(.+\); look at DynamoDB's throttles/,
  );
});

test("Lambda throttles a function, which logs nothing", async () => {
  stack.throttle("session-heartbeat-handler-local", 1);
  const of = await verified({}, [...created, acknowledgesHeartbeats]);
  expect(of(acknowledgesHeartbeats).sentence).toContain(
    'got API Gateway\'s own "Internal server error": its function was not invoked, or Lambda throttles it',
  );
});

test("a late heartbeat fails, a late join is only mentioned", async () => {
  const { RateLimits: table = "", Sessions = "" } = stack.tables;
  const endHeartbeats = stack.faults.inject({ match: { table }, kind: "latency", ms: 150 });
  const endJoins = stack.faults.inject({
    match: { table: Sessions, operation: "UpdateItem" },
    kind: "latency",
    ms: 1_050,
  });
  restore = () => {
    endHeartbeats();
    endJoins();
  };
  const of = await verified({ judgesSpeed: true }, [...created, joinsSession, acknowledgesHeartbeats]);
  expect(of(acknowledgesHeartbeats).sentence).toMatch(
    /^The heartbeat was acknowledged after .+, the best of 4; .+ longer than its 100 ms: /,
  );
  expect(of(joinsSession)).toMatchObject({
    status: "passed",
    seen: expect.stringMatching(
      /^in es after \d\.\d\d s, later than the target of 1\.00 s: a cold start may be/,
    ),
  });
});

test("the way to the endpoint and back does not count against the stage", async () => {
  const { RateLimits: table = "" } = stack.tables;
  restore = stack.faults.inject({ match: { table }, kind: "latency", ms: 150 });
  const beat = async (wayMs: number) =>
    (
      await verified({ judgesSpeed: true, roundTrip: async () => wayMs }, [
        ...created,
        acknowledgesHeartbeats,
      ])
    )(acknowledgesHeartbeats);
  expect(await beat(1_000)).toMatchObject({
    status: "passed",
    seen: expect.stringMatching(/^after .+, the best of 2; 1\.00 s of that is the way$/),
  });
  expect(await beat(5)).toMatchObject({ status: "failed" });
  // The way is measured apart, and may have been longer just then.
  expect(await beat(10_000)).toMatchObject({ status: "passed" });
});

test("a welcome fails that comes after clients have given up", async () => {
  // Each of four requests, one after the other, is in time for itself.
  restore = stack.faults.inject({ match: {}, kind: "latency", ms: 1_300 });
  const of = await verified({}, created);
  expect(of(createsSession)).toMatchObject({
    status: "failed",
    sentence: expect.stringMatching(
      /^sessionCreated came after \d+\.\d\d s, and clients give up after 5\.00 s/,
    ),
  });
});

test("a stage whose refresh is later than --refresh-minutes", async () => {
  const of = await verified({ refreshMinutes: 0.1, limitMs: 2_000 }, [
    ...created,
    joinsSession,
    refreshesConnections,
  ]);
  expect(of(refreshesConnections).sentence).toMatch(
    / 0\.1 min after its handshake got no connectionRefreshRequired .+: the stage's connectionRefreshMinutes is more than --refresh-minutes says; correct that /,
  );
});

test("nobody listens at the endpoint", async () => {
  const of = await verified({ url: "ws://127.0.0.1:1/prod" });
  expect(of(answers).sentence).toContain(
    "A handshake at ws://127.0.0.1:1/prod with an unknown action got no answer (ECONNREFUSED): nobody listens there; correct --url",
  );
  expect(statuses(of).skipped).toHaveLength(checks.length - 1);
});

test("without names the rows are skipped, and the rest is checked by the wire alone", async () => {
  const why = "neither --outputs nor --stage names the tables";
  const of = await verified({ operator: blindOperator(why), stage: undefined });
  expect(statuses(of)).toEqual({
    failed: [],
    skipped: [storesSession, storesListener, refreshesConnections, hasConcurrency].map(({ name }) => name),
  });
  expect(of(storesSession).sentence).toBe(why);
  expect(of(forgetsLeavers).seen).toMatch(/^listenerCount 0, after .+; no row was looked at: neither/);
  expect(of(endsSession).seen).toContain("no row was looked at: neither");
});

/** An operator of another stage on this stack, or one who signs as a function does and may do no more. */
const operatorOf = ({
  stage = "local",
  account = undefined as string | undefined,
  signsAs = "",
  httpUrl = stack.httpUrl,
} = {}) => {
  const { region, dynamodbEndpoint } = stack;
  const access = awsAt({ region, httpUrl, dynamodbEndpoint });
  const accessKeyId = keys.get(signsAs);
  const credentials = accessKeyId ? { credentials: { accessKeyId, secretAccessKey: "offline" } } : {};
  return createOperator({
    region,
    client: { ...access.client, ...credentials },
    dynamodb: { ...access.dynamodb, ...credentials },
    stage,
    account,
  });
};

test("credentials that may not look are named with what they may not do", async () => {
  await verified();
  const signsAs = "session-disconnect-handler-local";
  expect(keys.has(signsAs)).toBe(true);
  stack.throttle("session-heartbeat-handler-local", 1);
  const of = await verified({ operator: operatorOf({ signsAs }) });
  expect(of(storesSession)).toMatchObject({
    status: "skipped",
    sentence: "the AWS credentials may not do dynamodb:GetItem on Sessions-local",
  });
  expect(of(acknowledgesHeartbeats).sentence).toContain(
    "; look at the ERROR lines in /aws/lambda/session-heartbeat-handler-local, since the AWS credentials may not do logs:FilterLogEvents on /aws/lambda/session-heartbeat-handler-local (docs/runbook.md#errors-heartbeat-handler).",
  );
});

test("tables of another stage, or of none, fail", async () => {
  const operator = operatorOf({ stage: "pr-7", account: "000000000000" });
  const of = await verified({ operator }, [...created, storesSession]);
  expect(of(storesSession).sentence).toBe(
    "No row can be looked at: there is no table Sessions-pr-7 in us-east-1; correct --stage or --region (docs/deployment.md#troubleshooting).",
  );
  const empty = { ...operator, row: async () => undefined };
  const elsewhere = await verified({ operator: empty }, [...created, storesSession]);
  expect(elsewhere(storesSession).sentence).toMatch(
    /^The tables have no row of session .+: they are another stage's than the endpoint/,
  );
});

test.each([
  [
    "111111111111",
    "there is no table Sessions-pr-7 in us-east-1 in account 000000000000, which your AWS credentials are of, and the stage is in 111111111111; switch AWS_PROFILE",
  ],
  [
    undefined,
    "there is no table Sessions-pr-7 in us-east-1 in account 000000000000, which your AWS credentials are of; switch AWS_PROFILE, or correct --stage or --region",
  ],
])(
  "tables that are looked for in another account than %s: the credentials are named",
  async (account, why) => {
    const operator = operatorOf({ stage: "pr-7", account });
    const of = await verified({ operator }, [...created, storesSession]);
    expect(of(storesSession).sentence).toBe(
      `No row can be looked at: ${why} (docs/deployment.md#troubleshooting).`,
    );
    const absent = { name: "Unseen", isAbsent: true };
    await expect(operator.lines("Welcome", 0)).rejects.toMatchObject(absent);
    await expect(operator.brokenStream("Announce")).rejects.toMatchObject(absent);
  },
);

test("credentials whose account cannot be found out", async () => {
  // STS does not answer there.
  const operator = operatorOf({ stage: "pr-7", account: "111111111111", httpUrl: "http://127.0.0.1:1" });
  await expect(operator.row("Sessions", "x")).rejects.toEqual(
    new Unseen(
      "there is no table Sessions-pr-7 in us-east-1 in the account of your AWS credentials; switch AWS_PROFILE, or correct --stage or --region",
      true,
    ),
  );
});

/** The operator of a stage on AWS, with credentials from the usual places; the endpoints are this machine's. */
const deployed = async (
  environment: Readonly<Record<string, string>>,
  wanted: Partial<Wanted> = { stage: "local" },
) => {
  const usual = {
    AWS_ENDPOINT_URL: stack.httpUrl,
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamodbEndpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/nowhere",
    AWS_SHARED_CREDENTIALS_FILE: "/nowhere",
    AWS_ACCESS_KEY_ID: "",
    AWS_SECRET_ACCESS_KEY: "",
    AWS_PROFILE: "",
  };
  for (const [name, value] of Object.entries({ ...usual, ...environment }))
    vi.stubEnv(name, value || undefined);
  const url = "wss://abc123.execute-api.us-east-1.amazonaws.com/prod";
  return (await findTarget({ url, ...wanted })).operator;
};

const me = { AWS_ACCESS_KEY_ID: "me", AWS_SECRET_ACCESS_KEY: "me" };

test("the account that the stage is in is what its outputs say", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-verify-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const outputs = path.join(folder, "outputs.json");
  const put = {
    ...stack.outputs,
    SessionsTableName: "Sessions-pr-7",
    AlarmTopicArn: "arn:aws:sns:us-east-1:222222222222:session-management-alarms-pr-7",
  };
  await writeFile(outputs, JSON.stringify(put));
  const operator = await deployed(me, { outputs });
  await expect(operator.row("Sessions", "x")).rejects.toThrow(
    "there is no table Sessions-pr-7 in us-east-1 in account 000000000000, which your AWS credentials are of, and the stage is in 222222222222",
  );
  // A preview has no topic, so that its outputs name no account.
  await writeFile(outputs, JSON.stringify({ ...put, AlarmTopicArn: undefined }));
  await expect((await deployed(me, { outputs })).row("Sessions", "x")).rejects.toThrow(
    /^there is no table Sessions-pr-7 in us-east-1 in account 000000000000, which your AWS credentials are of; switch AWS_PROFILE, or correct --stage or --region$/,
  );
});

test("a deployed stage is looked at with the credentials of the usual places", async () => {
  const operator = await deployed(me);
  const of = await verified({ operator });
  expect(statuses(of)).toEqual({ failed: [], skipped: [refreshesConnections.name] });
});

test("without credentials the rows of a deployed stage are skipped", async () => {
  const of = await verified({ operator: await deployed({}) }, [...created, storesSession]);
  expect(of(storesSession)).toMatchObject({
    status: "skipped",
    sentence: expect.stringMatching(/^there are no AWS credentials, or they cannot be used: sign in /),
  });
});
