import type { Stack } from "offline-aws";
import * as v from "valibot";
import { createMeter, names, participation, type Role, stage } from "../../../e2e/src/bench/flows.js";
import type { Recorder } from "../../../e2e/src/bench/recorder.js";
import { connect } from "../client.js";
import { isMetrics } from "./metric-line.js";
import { shortName } from "./resources.js";
import type { Flow, Usage, Work } from "./usage.js";

/** How many listeners hear of a session's end, to find what each of them adds. */
export const audience = 5;

export type PlayedName =
  | "create"
  | "join"
  | "heartbeat"
  | "heartbeat past the refresh moment"
  | "listener refreshes"
  | "speaker refreshes"
  | "listener leaves"
  | "session ends"
  | "session ends before an audience"
  | "reaper run"
  | "reaper run over an audience";

export interface PlayedFlow {
  readonly name: PlayedName;
  readonly used: Flow;
  /** Whether no invocation had to start a function. */
  readonly isWarm: boolean;
}

export interface Played {
  readonly flows: readonly PlayedFlow[];
  readonly rows: Usage["rows"];
}

const limitMs = 10_000;

/**
 * Makes the function that plays every flow once: two sessions, one of which sees its connections refreshed and left,
 * the other one an audience that stays to the end.
 * @param answering the physical names of the functions that frames of clients go to
 */
export const createPlay = (
  stack: Stack,
  recorder: Recorder,
  answering: ReadonlySet<string | undefined>,
): (() => Promise<Played>) => {
  let traffic = { handshakes: 0, messagesOut: 0, bytesOut: 0 };
  let clients = 0;

  /** Each client comes from an address of its own, so that none meets another's limits. */
  const open = (query: Record<string, string>) => {
    clients += 1;
    traffic.handshakes += 1;
    return connect(stack.webSocketUrl, query, {
      address: `198.18.${clients >> 8}.${clients & 255}`,
      handshakeTimeoutMs: limitMs,
      onFrame: (frame) => {
        traffic.messagesOut += 1;
        traffic.bytesOut += Buffer.byteLength(JSON.stringify(frame));
      },
    });
  };
  const { create, join, beatPastRefresh, refresh } = participation(open);
  const tokenOfSomebody = () => stack.token({ username: `user ${clients}` });

  const { costs, measure } = createMeter(stack, recorder, (name: PlayedName): PlayedFlow => {
    const { invocations, requests, calls } = recorder;
    const functionNames = [...new Set(invocations.map(({ functionName }) => functionName))];
    return {
      name,
      isWarm: invocations.every(({ coldStart }) => !coldStart),
      used: {
        ...traffic,
        messagesIn: invocations.filter(({ functionName }) => answering.has(functionName)).length,
        otherCalls: calls.filter(({ method }) => method !== "POST").length,
        readUnits: requests.reduce((sum, { readUnits }) => sum + readUnits, 0),
        writeUnits: requests.reduce((sum, { writeUnits }) => sum + writeUnits, 0),
        functions: Object.fromEntries(
          functionNames.map((functionName) => [
            shortName(functionName, stage),
            workOf(functionName, recorder),
          ]),
        ),
      },
    };
  });
  const play = <Result>(
    name: PlayedName,
    by: Role,
    follow: Partial<Record<Role, number>>,
    act: () => Promise<Result>,
  ): Promise<Result> =>
    measure(name, by, follow, () => {
      traffic = { handshakes: 0, messagesOut: 0, bytesOut: 0 };
      return act();
    });
  const reap = () => stack.invoke(names.reaper, {});

  return async () => {
    const token = tokenOfSomebody();
    const { client: speaker, sessionId } = await play("create", "connect", { welcome: 1 }, () =>
      create(token),
    );
    const listener = await play("join", "connect", { welcome: 1 }, () => join(sessionId));
    await play("heartbeat", "heartbeat", {}, () => listener.ask({ action: "heartbeat" }, "heartbeatAck"));
    stack.clock.advance(60_001);
    const ticket = await play("heartbeat past the refresh moment", "heartbeat", {}, () =>
      beatPastRefresh(listener),
    );
    const listenerAgain = await play("listener refreshes", "connect", { welcome: 1, disconnect: 1 }, () =>
      refresh(listener, { role: "listener", sessionId, targetLanguage: "es", ticket }),
    );
    const own = await beatPastRefresh(speaker);
    const speakerAgain = await play("speaker refreshes", "connect", { welcome: 1, disconnect: 1 }, () =>
      refresh(speaker, { role: "speaker", sessionId, token, ticket: own }),
    );
    await play("listener leaves", "disconnect", {}, () => listenerAgain.leave());
    await play("session ends", "disconnect", { announce: 1 }, () => speakerAgain.leave());
    await play("reaper run", "reaper", {}, reap);

    const limitsBefore = await sizeOf(stack, "RateLimits");
    const second = await create(tokenOfSomebody());
    const listeners = await Promise.all(Array.from({ length: audience }, () => join(second.sessionId)));
    // Older than the silence after which the reaper asks for a sign of life.
    stack.clock.advance(100_000);
    await Promise.all(
      [second.client, ...listeners].map((client) => client.ask({ action: "heartbeat" }, "heartbeatAck")),
    );
    const [sessions, connections, limits] = await Promise.all([
      sizeOf(stack, "Sessions"),
      sizeOf(stack, "Connections"),
      sizeOf(stack, "RateLimits"),
    ]);
    await play("reaper run over an audience", "reaper", {}, reap);
    await play(
      "session ends before an audience",
      "disconnect",
      { announce: 1, disconnect: 1 + audience },
      async () => {
        await second.client.leave();
        await Promise.all(listeners.map(({ closed }) => closed));
      },
    );
    return {
      flows: costs.splice(0),
      rows: {
        session: sessions.bytes / sessions.rows,
        connection: connections.bytes / connections.rows,
        rateLimits: (limits.bytes - limitsBefore.bytes) / connections.rows,
      },
    };
  };
};

/** What a function did since the recorder was cleared. A start's own lines are left out: it is not the flow's. */
const workOf = (name: string, { invocations, requests, calls, lines }: Recorder): Work => {
  const own = invocations.filter(({ functionName }) => functionName === name);
  const warm = own.filter(({ coldStart }) => !coldStart);
  const counted = new Set((warm.length > 0 ? warm : own).map(({ requestId }) => requestId));
  const written = lines.filter(({ requestId }) => counted.has(requestId));
  const bytesOf = (isWanted: (text: string) => boolean): number =>
    Math.round(
      (written
        .filter(({ text }) => isWanted(text))
        .reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) *
        own.length) /
        counted.size,
    );
  return {
    invocations: own.length,
    requests: requests.filter(({ functionName }) => functionName === name).length,
    calls: calls.filter(({ functionName }) => functionName === name).length,
    logBytes: bytesOf((text) => !isMetrics(text)),
    metricBytes: bytesOf(isMetrics),
    computingMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
};

/** A row as DynamoDB's JSON has it: `{"sessionId": {"S": "golden-eagle-427"}}`. */
const rowsSchema = v.object({ Items: v.array(v.record(v.string(), v.record(v.string(), v.unknown()))) });

/** How many rows a table has, and their bytes: names and values, numbers by their digits, a little more than is paid for. */
const sizeOf = async ({ dynamodbEndpoint, tables }: Stack, logicalName: string) => {
  const response = await fetch(dynamodbEndpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.Scan",
      // The local stack wants to know who asks, and believes it.
      authorization: "AWS4-HMAC-SHA256 Credential=operator/local",
    },
    body: JSON.stringify({ TableName: tables[logicalName] }),
  });
  const { Items } = v.parse(rowsSchema, await response.json());
  const texts = Items.flatMap((item) =>
    Object.entries(item).map(([name, value]) => `${name}${Object.values(value).map(String).join("")}`),
  );
  return { rows: Items.length, bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) };
};
