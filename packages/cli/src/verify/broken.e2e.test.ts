import { describe, test } from "vitest";
import type { Check } from "./check.js";
import { endsSession, forgetsLeavers } from "./exit.js";
import { acknowledgesHeartbeats, answersUnknownFrames, refreshesConnections, tellsStatus } from "./frames.js";
import { answers, createsSession, joinsSession, refusesBadTokens, refusesWrongIds } from "./handshake.js";
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

/** The names of the checks that failed. */
const failed = (results: Results): string[] =>
  [...results.values()].flatMap(({ name, status }) => (status === "failed" ? name : []));

const names = (...those: readonly Check[]): string[] => those.map(({ name }) => name);

const toTheWelcome = [answers, createsSession, joinsSession];

/** Connections are asked to refresh after half a minute. */
const soonRefreshed = withVariable("session-heartbeat-handler", "CONNECTION_REFRESH_MINUTES", "0.5");

// Most of a test's time is waiting for a frame that never comes: the stacks wait side by side.
describe.concurrent("verify names the likely cause", () => {
  test("no route heartbeat, no route $disconnect, no mapping from Sessions, a welcome that may not close", async ({
    expect,
  }) => {
    const results = await verifyBroken((graph) => [
      withoutRoute("heartbeat"),
      withoutRoute("$disconnect"),
      withoutMapping("session-announce"),
      withoutPermission(graph, "session-welcome", "execute-api:ManageConnections", "/DELETE/"),
    ]);
    expect(failed(results)).toEqual(
      names(acknowledgesHeartbeats, forgetsLeavers, refusesWrongIds, endsSession),
    );
    expect(sentenceOf(results, acknowledgesHeartbeats)).toBe(
      "The heartbeat got the error INVALID_ACTION: it went to $default, since the API has no route for it; deploy the stage again (docs/deployment.md#troubleshooting).",
    );
    expect(sentenceOf(results, forgetsLeavers)).toBe(
      "A listener left, and its connection still has its row after 8.00 s: the API has no route $disconnect, or its function was not invoked; the reaper makes it good within two minutes, but deploy the stage again (docs/deployment.md#troubleshooting).",
    );
    expect(sentenceOf(results, refusesWrongIds)).toBe(
      "A handshake with a wrong session id got its frame, but was not closed within 8.00 s: session-welcome-local may not do execute-api:ManageConnections; grant it in infra/ and deploy (docs/runbook.md#errors-welcome).",
    );
    expect(sentenceOf(results, endsSession)).toBe(
      "After endSession the speaker got no sessionEnded within 8.00 s: there is no event-source mapping from Sessions-local to session-announce-local; deploy the stage again (docs/runbook.md#stream-age-announce).",
    );
  });

  test("no route $default, no route response for heartbeats, a leave that may not delete its row", async ({
    expect,
  }) => {
    const results = await verifyBroken((graph) => [
      withoutRoute("$default"),
      withoutAnswer("heartbeat"),
      withoutPermission(graph, "session-disconnect-handler", "dynamodb:DeleteItem"),
    ]);
    expect(failed(results)).toEqual(
      names(acknowledgesHeartbeats, tellsStatus, answersUnknownFrames, forgetsLeavers, endsSession),
    );
    expect(sentenceOf(results, acknowledgesHeartbeats)).toMatch(
      /^The heartbeat got no heartbeatAck within 8\.00 s: the route heartbeat has no route response, or/,
    );
    expect(sentenceOf(results, forgetsLeavers)).toBe(
      "A listener left, and its connection still has its row after 8.00 s: session-disconnect-handler-local may not do dynamodb:DeleteItem on table/Connections-local; grant it in infra/ and deploy (docs/runbook.md#errors-disconnect-handler).",
    );
    const forbidden =
      'got API Gateway\'s own "Forbidden": the API has no route for it, and no $default; deploy';
    expect(sentenceOf(results, tellsStatus)).toContain(`getSessionStatus ${forbidden}`);
    expect(sentenceOf(results, answersUnknownFrames)).toContain(`An unknown frame ${forbidden}`);
    expect(sentenceOf(results, endsSession)).toContain(`After endSession the speaker ${forbidden}`);
  });

  test("no route $connect: everybody is let in, and nothing else is tried", async ({ expect }) => {
    const results = await verifyBroken(() => [withoutRoute("$connect")]);
    expect(failed(results)).toEqual(names(answers));
    expect(sentenceOf(results, answers)).toContain("was let in: the API has no route $connect, or");
    const others = [...results.values()].slice(1);
    expect(others.map(({ status }) => status)).toEqual(checks.slice(1).map(() => "skipped"));
    expect(sentenceOf(results, createsSession)).toBe(`needs "${answers.name}"`);
  });

  test("no authorizer: a bad token is not refused as one, and a good one is not looked at", async ({
    expect,
  }) => {
    const results = await verifyBroken(() => [withoutAuthorizer]);
    expect(failed(results)).toEqual(names(refusesBadTokens, createsSession));
    expect(sentenceOf(results, refusesBadTokens)).toBe(
      "A listener's handshake with a forged token was refused with 404: the route $connect has no authorizer; deploy the stage again (docs/deployment.md#troubleshooting).",
    );
    expect(sentenceOf(results, createsSession)).toMatch(
      /^Creating a session was refused with 401: .*, or the route \$connect has no authorizer; deploy the/,
    );
  });

  test("a heartbeat that may not write its limit, an end that may not close", async ({ expect }) => {
    const results = await verifyBroken(
      (graph) => [
        withoutPermission(graph, "session-heartbeat-handler", "dynamodb:UpdateItem"),
        withoutPermission(graph, "session-announce", "execute-api:ManageConnections", "/DELETE/"),
      ],
      [...toTheWelcome, acknowledgesHeartbeats, endsSession],
    );
    expect(failed(results)).toEqual(names(acknowledgesHeartbeats, endsSession));
    expect(sentenceOf(results, acknowledgesHeartbeats)).toBe(
      "The heartbeat got the error INTERNAL_ERROR: session-heartbeat-handler-local may not do dynamodb:UpdateItem on table/RateLimits-local; grant it in infra/ and deploy (docs/runbook.md#errors-heartbeat-handler).",
    );
    expect(sentenceOf(results, endsSession)).toMatch(
      /^After endSession the speaker's socket was not closed within 8\.00 s: session-announce-local may not do execute-api:ManageConnections; grant it/,
    );
  });

  test("a heartbeat that may not post: nobody is asked to refresh", async ({ expect }) => {
    const results = await verifyBroken(
      (graph) => [
        soonRefreshed,
        withoutPermission(graph, "session-heartbeat-handler", "execute-api:ManageConnections"),
      ],
      [...toTheWelcome, refreshesConnections, forgetsLeavers],
      { refreshMinutes: 0.5 },
    );
    expect(failed(results)).toEqual(names(refreshesConnections));
    expect(sentenceOf(results, refreshesConnections)).toBe(
      "A connection that beat 0.5 min after its handshake got no connectionRefreshRequired within 8.00 s: session-heartbeat-handler-local may not do execute-api:ManageConnections; grant it in infra/ and deploy (docs/runbook.md#errors-heartbeat-handler).",
    );
  });

  test("the welcome may not close a refreshed connection's old socket", async ({ expect }) => {
    const results = await verifyBroken(
      (graph) => [
        soonRefreshed,
        withoutPermission(graph, "session-welcome", "execute-api:ManageConnections", "/DELETE/"),
      ],
      [...toTheWelcome, refreshesConnections, forgetsLeavers],
      { refreshMinutes: 0.5 },
    );
    expect(failed(results)).toEqual(names(refreshesConnections));
    expect(sentenceOf(results, refreshesConnections)).toContain(
      "The old socket of a refreshed connection was not closed within 8.00 s: session-welcome-local may not do execute-api:ManageConnections",
    );
  });

  test("the connection handler may not write rows", async ({ expect }) => {
    const results = await verifyBroken(
      (graph) => [withoutPermission(graph, "session-connection-handler", "dynamodb:PutItem", "Connections")],
      [...toTheWelcome, refusesWrongIds],
    );
    expect(failed(results)).toEqual(names(createsSession, refusesWrongIds));
    const may =
      "was refused with 500: session-connection-handler-local may not do dynamodb:PutItem on table/Connections-local; grant it";
    expect(sentenceOf(results, createsSession)).toContain(`Creating a session ${may}`);
    expect(sentenceOf(results, refusesWrongIds)).toContain(may);
  });

  test("the welcome may not post", async ({ expect }) => {
    const results = await verifyBroken(
      (graph) => [withoutPermission(graph, "session-welcome", "execute-api:ManageConnections")],
      [...toTheWelcome, refusesWrongIds],
    );
    expect(failed(results)).toEqual(names(createsSession, refusesWrongIds));
    const may =
      "session-welcome-local may not do execute-api:ManageConnections; grant it in infra/ and deploy (docs/runbook.md#errors-welcome).";
    expect(sentenceOf(results, createsSession)).toBe(
      `A connection that was let in got no sessionCreated within 8.00 s: ${may}`,
    );
    expect(sentenceOf(results, refusesWrongIds)).toBe(
      `A handshake with a wrong session id that asked for a frame got no error frame within 8.00 s: ${may}`,
    );
    expect(results.get(joinsSession.name)).toMatchObject({
      status: "skipped",
      sentence: `needs "${createsSession.name}"`,
    });
  });

  test("Connections has no stream", async ({ expect }) => {
    const results = await verifyBroken(
      () => [withoutStream("Connections"), withoutMapping("session-welcome")],
      toTheWelcome,
    );
    expect(sentenceOf(results, createsSession)).toBe(
      "A connection that was let in got no sessionCreated within 8.00 s: the table Connections-local has no stream; deploy the stage again (docs/runbook.md#stream-age-welcome).",
    );
  });

  test("the throttle of the API's stage has deployed as zero", async ({ expect }) => {
    const results = await verifyBroken(() => [withoutThrottle], [answers]);
    expect(sentenceOf(results, answers)).toContain(
      "was refused with 429: the API stage's throttle has deployed as zero",
    );
  });

  test.for([
    ["session-connection-handler", 502],
    ["session-authorizer", 500],
  ] as const)("%s cannot start: its own words are quoted", async ([name, status], { expect }) => {
    const results = await verifyBroken(() => [withoutSettings(name)], [answers]);
    expect(sentenceOf(results, answers)).toContain(
      `was refused with ${status}: ${name}-local failed with Error: The environment variable ENV is missing; if that began with a deployment, roll it back (docs/runbook.md#errors-${name.replace("session-", "")}).`,
    );
  });
});
