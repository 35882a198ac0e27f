import { expect, test } from "vitest";
import type { Check } from "./check.js";
import { answers, createsSession, joinsSession, refusesBadTokens, refusesWrongIds } from "./entrance.js";
import { endsSession, forgetsLeavers } from "./exit.js";
import { acknowledgesHeartbeats, answersUnknownFrames, tellsStatus } from "./frames.js";
import { refreshesConnections } from "./refresh.js";
import { checks, type Result } from "./suite.js";
import {
  verifyBroken,
  withoutAnswer,
  withoutAuthorizer,
  withoutMapping,
  withoutPermission,
  withoutRoute,
  withoutSettings,
  withoutStream,
  withoutThrottle,
  withVariable,
} from "./testing.js";

type Results = ReadonlyMap<string, Result>;

const sentenceOf = (results: Results, { name }: Check): string => results.get(name)?.sentence ?? "";

/** Names of those that failed. */
const failed = (results: Results): string[] =>
  [...results.values()].flatMap(({ name, status }) => (status === "failed" ? name : []));

const names = (...those: readonly Check[]): string[] => those.map(({ name }) => name);

const again = "deploy the stage again (docs/deployment.md#troubleshooting).";

test("no route heartbeat, no route $disconnect, nobody fed by Sessions: each is named, and the rest passes", async () => {
  const results = await verifyBroken(() => [
    withoutRoute("heartbeat"),
    withoutRoute("$disconnect"),
    withoutMapping("session-announce"),
  ]);
  expect(failed(results)).toEqual(names(acknowledgesHeartbeats, forgetsLeavers, endsSession));
  expect(sentenceOf(results, acknowledgesHeartbeats)).toBe(
    `The heartbeat was answered with INVALID_ACTION, so it went to $default: the API has no route \`heartbeat\`; ${again}`,
  );
  expect(sentenceOf(results, forgetsLeavers)).toBe(
    `3.00 s after a listener left the connection's row is still there, and session-disconnect-handler-local wrote no line, so nobody hears of closed sockets: the API has no route $disconnect, or the route no integration; the reaper makes it good within two minutes, but ${again}`,
  );
  expect(sentenceOf(results, endsSession)).toMatch(
    /^No sessionEnded came to the speaker within 3\.00 s of endSession: there is no event-source mapping from the stream of Sessions-local to session-announce-local; deploy/,
  );
});

test("no route $disconnect at logLevel WARN: nothing is made of the function's silence", async () => {
  const results = await verifyBroken(
    () => [
      withoutRoute("$disconnect"),
      withVariable("session-disconnect-handler", "POWERTOOLS_LOG_LEVEL", "WARN"),
    ],
    [answers, createsSession, joinsSession, forgetsLeavers],
  );
  expect(failed(results)).toEqual(names(forgetsLeavers));
  expect(sentenceOf(results, forgetsLeavers)).toBe(
    "3.00 s after a listener left the connection's row is still there, until the reaper makes it good within two minutes: the route $disconnect is missing, or its function was not invoked or failed; look at the ERROR lines in /aws/lambda/session-disconnect-handler-local (the logLevel of session-disconnect-handler-local lets it write nothing but warnings and faults, and there is none; docs/runbook.md#errors-disconnect-handler).",
  );
});

test("no route $default, and no route response for heartbeats", async () => {
  const results = await verifyBroken(() => [withoutRoute("$default"), withoutAnswer("heartbeat")]);
  expect(failed(results)).toEqual(
    names(acknowledgesHeartbeats, tellsStatus, answersUnknownFrames, endsSession),
  );
  expect(sentenceOf(results, acknowledgesHeartbeats)).toBe(
    `The heartbeat got no answer within 3.00 s, though session-heartbeat-handler-local ran: the route heartbeat has no route response, so the answer is thrown away; ${again}`,
  );
  const forbidden = `was answered with API Gateway's own "Forbidden": the API has no route $default; ${again}`;
  expect(sentenceOf(results, tellsStatus)).toBe(`getSessionStatus ${forbidden}`);
  expect(sentenceOf(results, answersUnknownFrames)).toBe(`An unknown frame ${forbidden}`);
  expect(sentenceOf(results, endsSession)).toBe(`endSession ${forbidden}`);
});

test("no route $connect: everybody is let in, and nothing else is tried", async () => {
  const results = await verifyBroken(() => [withoutRoute("$connect")]);
  expect(failed(results)).toEqual(names(answers));
  expect(sentenceOf(results, answers)).toContain("so nobody is asked: the API has no route $connect");
  const others = [...results.values()].slice(1);
  expect(others.map(({ status }) => status)).toEqual(checks.slice(1).map(() => "skipped"));
  expect(sentenceOf(results, createsSession)).toBe(`needs "${answers.name}"`);
});

test("no authorizer: a bad token is not refused as one, and a good one is not looked at", async () => {
  const results = await verifyBroken(() => [withoutAuthorizer]);
  expect(failed(results)).toEqual(names(refusesBadTokens, createsSession));
  expect(sentenceOf(results, refusesBadTokens)).toBe(
    `A token with a forged signature was taken for none, and its handshake refused with 404 for the session instead: the route $connect has no authorizer; ${again}`,
  );
  expect(sentenceOf(results, createsSession)).toBe(
    `Creating a session was refused with 401: session-authorizer-local wrote no line, so nobody looks at tokens: the route $connect has no authorizer; ${again}`,
  );
});

test("functions that may not do what they must: the action and the function are quoted", async () => {
  const results = await verifyBroken((graph) => [
    withoutPermission(graph, "session-heartbeat-handler", "dynamodb:UpdateItem"),
    withoutPermission(graph, "session-disconnect-handler", "dynamodb:DeleteItem"),
    withoutPermission(graph, "session-announce", "execute-api:ManageConnections", "/DELETE/"),
  ]);
  expect(failed(results)).toEqual(names(acknowledgesHeartbeats, forgetsLeavers, endsSession));
  expect(sentenceOf(results, acknowledgesHeartbeats)).toBe(
    "The heartbeat was answered with INTERNAL_ERROR: session-heartbeat-handler-local may not do dynamodb:UpdateItem on table/RateLimits-local; grant it in infra/ and deploy (docs/runbook.md#errors-heartbeat-handler).",
  );
  expect(sentenceOf(results, forgetsLeavers)).toBe(
    "3.00 s after a listener left the connection's row is still there, until the reaper makes it good within two minutes: session-disconnect-handler-local may not do dynamodb:DeleteItem on table/Connections-local; grant it in infra/ and deploy (docs/runbook.md#errors-disconnect-handler).",
  );
  expect(sentenceOf(results, endsSession)).toMatch(
    /^The speaker's socket was not closed after sessionEnded: session-announce-local may not do execute-api:ManageConnections; grant it/,
  );
});

test("the connection handler may not write rows", async () => {
  const results = await verifyBroken((graph) => [
    withoutPermission(graph, "session-connection-handler", "dynamodb:PutItem", "Connections"),
  ]);
  expect(failed(results)).toEqual(names(createsSession, refusesWrongIds));
  const may =
    "session-connection-handler-local may not do dynamodb:PutItem on table/Connections-local; grant it";
  expect(sentenceOf(results, createsSession)).toContain(`Creating a session was refused with 500: ${may}`);
  expect(sentenceOf(results, refusesWrongIds)).toContain(`was refused with 500: ${may}`);
});

const toTheWelcome = [answers, createsSession, joinsSession];

test("the welcome may not post: the row is there, its frame is not", async () => {
  const results = await verifyBroken(
    (graph) => [withoutPermission(graph, "session-welcome", "execute-api:ManageConnections")],
    [...toTheWelcome, refusesWrongIds],
  );
  expect(failed(results)).toEqual(names(createsSession, refusesWrongIds));
  const may =
    "session-welcome-local may not do execute-api:ManageConnections; grant it in infra/ and deploy (docs/runbook.md#errors-welcome).";
  expect(sentenceOf(results, createsSession)).toBe(
    `No sessionCreated came within 3.00 s of the handshake, though the connection's row is there: ${may}`,
  );
  expect(sentenceOf(results, refusesWrongIds)).toBe(
    `A handshake with a wrong session id asked to be refused by a frame, and none came: ${may}`,
  );
  expect(results.get(joinsSession.name)).toMatchObject({
    status: "skipped",
    sentence: `needs "${createsSession.name}"`,
  });
});

/** Connections are asked to refresh after half a minute. */
const soonRefreshed = withVariable("session-heartbeat-handler", "CONNECTION_REFRESH_MINUTES", "0.5");
const refresh = { refreshMinutes: 0.5 };

const toTheRefresh = [...toTheWelcome, refreshesConnections, forgetsLeavers];

test("the heartbeat's function may not post: nobody is asked to refresh", async () => {
  const results = await verifyBroken(
    (graph) => [
      soonRefreshed,
      withoutPermission(graph, "session-heartbeat-handler", "execute-api:ManageConnections"),
    ],
    toTheRefresh,
    refresh,
  );
  expect(failed(results)).toEqual(names(refreshesConnections));
  expect(sentenceOf(results, refreshesConnections)).toBe(
    "No connectionRefreshRequired came beside the ack, 0.5 min after the handshake: session-heartbeat-handler-local may not do execute-api:ManageConnections; grant it in infra/ and deploy (docs/runbook.md#errors-heartbeat-handler).",
  );
});

test("the welcome may not close: neither whom it refuses, nor a refreshed connection's old socket", async () => {
  const results = await verifyBroken(
    (graph) => [
      soonRefreshed,
      withoutPermission(graph, "session-welcome", "execute-api:ManageConnections", "/DELETE/"),
    ],
    [...toTheRefresh, refusesWrongIds],
    refresh,
  );
  expect(failed(results)).toEqual(names(refreshesConnections, refusesWrongIds));
  expect(sentenceOf(results, refusesWrongIds)).toContain(
    "got its refusal as a frame, but was not closed: session-welcome-local may not do execute-api:ManageConnections",
  );
  expect(sentenceOf(results, refreshesConnections)).toContain(
    "The old socket was not closed after connectionRefreshComplete: session-welcome-local may not do execute-api:ManageConnections",
  );
});

test("Connections has no stream", async () => {
  const results = await verifyBroken(
    () => [withoutStream("Connections"), withoutMapping("session-welcome")],
    toTheWelcome,
  );
  expect(sentenceOf(results, createsSession)).toBe(
    `No sessionCreated came within 3.00 s of the handshake, though the connection's row is there: the table Connections-local has no stream, so nobody hears of its rows; ${again}`,
  );
});

test("the throttle of the API's stage has deployed as zero", async () => {
  const results = await verifyBroken(() => [withoutThrottle], [answers]);
  expect(sentenceOf(results, answers)).toContain(
    "A handshake was refused with 429: the API stage's throttle has deployed as zero",
  );
});

test.each([
  ["session-connection-handler", 502],
  ["session-authorizer", 500],
])("%s cannot start: its own words are quoted", async (name, status) => {
  const results = await verifyBroken(() => [withoutSettings(name)], [answers]);
  expect(sentenceOf(results, answers)).toBe(
    `A handshake was refused with ${status}: ${name}-local failed with Error: The environment variable ENV is missing; if that began with a deployment, roll it back (docs/runbook.md#errors-${name.replace("session-", "")}).`,
  );
});
