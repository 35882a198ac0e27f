import { type Client, connect } from "@lectern/cli/client";
import type { Flow, Usage } from "@lectern/cli/cost/usage";
import { notCome, within } from "@lectern/cli/within";
import type { Stack } from "offline-aws";
import * as v from "valibot";
import { functions } from "../../../../../infra/functions.js";
import type { FlowName } from "../benchmark.js";
import type { Recorder, Recording } from "./recorder.js";

/** The functions of the flows, by their names on the stage that is played. */
export const names = {
  connect: `${functions.Connect.name}-local`,
  disconnect: `${functions.Disconnect.name}-local`,
  heartbeat: `${functions.Heartbeat.name}-local`,
  welcome: `${functions.Welcome.name}-local`,
  announce: `${functions.Announce.name}-local`,
  reaper: `${functions.Reaper.name}-local`,
} as const;

type Role = keyof typeof names;

/** The number of listeners who see the second session's end. */
export const audience = 5;

/** Connections are to be refreshed after a minute, and every heartbeat writes its line. */
export const settings = { connectionRefreshMinutes: "1", heartbeatLogSampling: "1" };

export type PlayedName =
  | FlowName
  | "speaker leaves an audience"
  | "reaper run"
  | "reaper run over an audience";

/** The recording of one flow. */
export interface PlayedFlow extends Recording {
  readonly name: PlayedName;
  /** The function that answers the client. */
  readonly functionName: string;
  readonly traffic: Pick<Flow, "handshakes" | "messagesOut" | "bytesOut">;
}

export interface Played {
  readonly flows: readonly PlayedFlow[];
  readonly rows: Usage["rows"];
}

/** Ends only a flow that hangs: a busy machine may take long. */
const limitMs = 60_000;

/**
 * Makes the function that plays every flow once. The connections of one session refresh and leave; another session keeps
 * an audience to its end; the speaker of a third is lost.
 */
export const createPlay = (stack: Stack, recorder: Recorder): (() => Promise<Played>) => {
  let flows: PlayedFlow[] = [];
  let traffic = { handshakes: 0, messagesOut: 0, bytesOut: 0 };
  let clients = 0;

  /** Each client has its own address, so that no client meets the limits of another. */
  const open = (query: Record<string, string>): Promise<Client> => {
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

  /** Plays a flow, waits until everything that follows from it has ended, and keeps the recording. */
  const play = async <Result>(
    name: PlayedName,
    by: Role,
    follow: readonly (readonly [Role, number])[],
    act: () => Promise<Result>,
  ): Promise<Result> => {
    await stack.idle();
    recorder.take();
    traffic = { handshakes: 0, messagesOut: 0, bytesOut: 0 };
    const counts = [[by, 1] as const, ...follow].map(([role, count]) => [names[role], count]);
    const done = recorder.invoked(Object.fromEntries(counts));
    const result = await within(limitMs, notCome(`The answer to "${name}"`), act());
    await within(limitMs, notCome(`What follows on "${name}"`), done);
    await stack.idle();
    flows.push({ name, functionName: names[by], traffic: { ...traffic }, ...recorder.take() });
    return result;
  };

  const create = async (token: string) => {
    const client = await open({ action: "createSession", sourceLanguage: "en", token });
    const { sessionId } = await client.next("sessionCreated");
    return { client, sessionId };
  };
  const join = async (sessionId: string) => {
    const client = await open({ action: "joinSession", sessionId, targetLanguage: "es" });
    await client.next("sessionJoined");
    return client;
  };
  const beat = (client: Client) => client.ask({ action: "heartbeat" }, "heartbeatAck");
  const beatPastRefresh = async (client: Client): Promise<string> => {
    const [{ ticket }] = await Promise.all([client.next("connectionRefreshRequired"), beat(client)]);
    return ticket;
  };
  const refresh = async (old: Client, query: Record<string, string>) => {
    const client = await open({ action: "refreshConnection", ...query });
    await client.next("connectionRefreshComplete");
    await old.closed;
    return client;
  };
  const reap = () => stack.invoke(names.reaper, {});
  const newToken = () => stack.token({ username: `user ${clients}` });
  const welcomed = [["welcome", 1]] as const;
  const replaced = [...welcomed, ["disconnect", 1]] as const;

  return async () => {
    flows = [];
    const token = newToken();
    const { client: speaker, sessionId } = await play("create", "connect", welcomed, () => create(token));
    const listener = await play("join", "connect", welcomed, () => join(sessionId));
    await play("heartbeat", "heartbeat", [], () => beat(listener));
    stack.clock.advance(60_001);
    const ticket = await play("heartbeat past the refresh moment", "heartbeat", [], () =>
      beatPastRefresh(listener),
    );
    const listenerAgain = await play("listener refreshes", "connect", replaced, () =>
      refresh(listener, { role: "listener", sessionId, targetLanguage: "es", ticket }),
    );
    const speakersTicket = await beatPastRefresh(speaker);
    const speakerAgain = await play("speaker refreshes", "connect", replaced, () =>
      refresh(speaker, { role: "speaker", sessionId, token, ticket: speakersTicket }),
    );
    await play("listener leaves", "disconnect", [], () => listenerAgain.leave());
    await play("speaker leaves", "disconnect", [["announce", 1]], () => speakerAgain.leave());
    await play("reaper run", "reaper", [], reap);

    const limitsBefore = await sizeOf(stack, "RateLimits");
    const second = await create(newToken());
    const listeners = await Promise.all(Array.from({ length: audience }, () => join(second.sessionId)));
    // Older than the heartbeat timeout: only then does the reaper look for their heartbeats.
    stack.clock.advance(100_000);
    await Promise.all([second.client, ...listeners].map(beat));
    const [sessions, connections, limits] = await Promise.all([
      sizeOf(stack, "Sessions"),
      sizeOf(stack, "Connections"),
      sizeOf(stack, "RateLimits"),
    ]);
    await play("reaper run over an audience", "reaper", [], reap);
    const ending = [["announce", 1] as const, ["disconnect", 1 + audience] as const];
    await play("speaker leaves an audience", "disconnect", ending, async () => {
      await second.client.leave();
      await Promise.all(listeners.map(({ closed }) => closed));
    });

    const third = await create(token);
    const last = await join(third.sessionId);
    await play("speaker lost", "disconnect", [["announce", 1]], async () => {
      third.client.socket.terminate();
      await last.next("speakerReconnecting");
    });
    await last.leave();
    stack.clock.advance(100_000);
    await reap();
    await stack.idle();
    return {
      flows,
      rows: {
        session: Math.round(sessions.bytes / sessions.rows),
        connection: Math.round(connections.bytes / connections.rows),
        rateLimits: Math.round((limits.bytes - limitsBefore.bytes) / connections.rows),
      },
    };
  };
};

/** A row as DynamoDB's JSON has it: `{"sessionId": {"S": "golden-eagle-427"}}`. */
const rowsSchema = v.object({ Items: v.array(v.record(v.string(), v.record(v.string(), v.unknown()))) });

/** Counts a table's rows and their bytes: names and values, numbers by their digits, slightly more than AWS bills. */
const sizeOf = async ({ dynamodbEndpoint, tables }: Stack, logicalName: string) => {
  const response = await fetch(dynamodbEndpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.Scan",
      // The local stack reads the key's id and checks no signature.
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
