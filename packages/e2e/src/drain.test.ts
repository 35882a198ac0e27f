import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { type Client, connect, statusOf } from "@lectern/cli/client";
import { ended, run, start } from "@lectern/cli/testing";
import type { ServerFrame } from "@lectern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { graphOf } from "../../../infra/testing/graph.js";
import { type Stage, startStage, useStage } from "./stage.js";

const second = 1_000;

/** More than the ten seats that a full session keeps for listeners who refresh. */
const capacity = 12;

const stage = useStage({ maxListenersPerSession: `${capacity}` });
let elsewhere: Elsewhere;

beforeAll(async () => {
  elsewhere = await openElsewhere(stage);
});

afterAll(() => elsewhere?.close());

/** A second address of the same API, like a domain. */
interface Elsewhere {
  readonly url: string;
  /** How many handshakes have used it. */
  arrivals(): number;
  close(): Promise<unknown>;
}

const openElsewhere = async ({ stack }: Stage): Promise<Elsewhere> => {
  const { hostname, port, pathname } = new URL(stack.webSocketUrl);
  let arrivals = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    arrivals += 1;
    const upstream = net.connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    arrivals: () => arrivals,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return once(server.close(), "close");
    },
  };
};

/** A session whose clients are connected long enough that a drain asks them. */
const hall = async (languages: readonly string[], on = stage) => {
  const speaker = await on.create();
  const { sessionId } = speaker;
  const listeners = await Promise.all(
    languages.map((targetLanguage) => on.join(sessionId, { targetLanguage })),
  );
  await on.stack.idle();
  on.stack.clock.advance(20 * second);
  return { speaker, sessionId, listeners, everybody: [speaker, ...listeners] };
};

const step = async (event: object, on = stage): Promise<Record<string, unknown>> => {
  const outcome = await on.stack.invoke("session-drain-local", event);
  if (outcome.kind !== "returned") throw new Error(JSON.stringify(outcome));
  return outcome.payload as Record<string, unknown>;
};

/** Refreshes at the address that the drain names, like a client; after 503 (no seat yet) it tries again. */
const follow = async (client: Client, on = stage): Promise<Client> => {
  const { url, sessionId, role, targetLanguage, ticket } = await client.next("connectionRefreshRequired");
  const own: Record<string, string> =
    role === "speaker" ? { token: on.token() } : { targetLanguage: targetLanguage ?? "" };
  const query = { action: "refreshConnection", sessionId, role, ticket, ...own };
  for (;;) {
    const arriving = connect(url ?? on.stack.webSocketUrl, query);
    if ((await statusOf(arriving)) === 503) continue;
    const fresh = await arriving;
    await fresh.next("connectionRefreshComplete");
    return fresh;
  }
};

const types = (client: Client): ServerFrame["type"][] => client.waiting.map(({ type }) => type);

test("rule 11: a whole session that is drained to another address moves there and goes on, and nobody is lost or notified", async () => {
  const { sessionId, everybody } = await hall(["es", "es", "de"]);
  const before = elsewhere.arrivals();
  expect(await step({ limit: 500, url: elsewhere.url })).toMatchObject({ asked: 4, gone: 0, failed: 0 });
  const [newSpeaker, ...newListeners] = await Promise.all(everybody.map((client) => follow(client)));
  expect(elsewhere.arrivals() - before).toBe(4);
  for (const client of everybody) {
    expect(await client.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
    expect(types(client)).toEqual([]);
  }
  await stage.stack.idle();
  expect(await stage.sessionOf(sessionId)).toMatchObject({ isActive: true, listenerCount: 3 });
  expect((await stage.sessionOf(sessionId))?.graceUntil).toBeUndefined();
  expect(await stage.rowsOf(sessionId)).toHaveLength(4);
  const status = await newSpeaker?.ask({ action: "getSessionStatus" }, "sessionStatus");
  expect(status).toMatchObject({ listenerCount: 3, languageDistribution: { es: 2, de: 1 } });
  for (const client of newListeners) {
    await client.ask({ action: "heartbeat" }, "heartbeatAck");
    expect(types(client)).toEqual([]);
  }
  await newSpeaker?.leave();
  for (const client of newListeners) {
    expect(await client.next("sessionEnded")).toMatchObject({ reason: "speakerLeft" });
    await client.closed;
    expect(types(client)).toEqual([]);
  }
});

test("without an address the frame has no url, and everybody refreshes at the same address", async () => {
  const { sessionId, everybody } = await hall(["fr"]);
  const before = elsewhere.arrivals();
  await step({ limit: 500 });
  for (const client of everybody) expect(client.waiting.at(-1)).not.toHaveProperty("url");
  const [speaker, listener] = await Promise.all(everybody.map((client) => follow(client)));
  expect(elsewhere.arrivals()).toBe(before);
  await Promise.all(everybody.map(({ closed }) => closed));
  await stage.stack.idle();
  expect(await stage.sessionOf(sessionId)).toMatchObject({ isActive: true, listenerCount: 1 });
  await speaker?.leave();
  await listener?.closed;
});

test("when a speaker is lost in the middle of a drain, moved and unmoved listeners hear of it", async () => {
  const { speaker, sessionId, listeners } = await hall(["es", "es", "de", "de"]);
  await step({ limit: 500 });
  const moved = await Promise.all(listeners.slice(0, 2).map((client) => follow(client)));
  await Promise.all(listeners.slice(0, 2).map(({ closed }) => closed));
  await stage.stack.idle();
  speaker.socket.terminate();
  const present = [...moved, ...listeners.slice(2)];
  for (const client of present) await client.next("speakerReconnecting");
  const back = await stage.connect({
    action: "refreshConnection",
    role: "speaker",
    sessionId,
    token: stage.token(),
  });
  await back.next("connectionRefreshComplete");
  for (const client of present) await client.next("speakerReconnected");
  const late = await Promise.all(listeners.slice(2).map((client) => follow(client)));
  await back.leave();
  for (const client of [...moved, ...late]) {
    expect(await client.next("sessionEnded")).toMatchObject({ reason: "speakerLeft" });
    await client.closed;
  }
});

test("rule 11: in a full session that is drained at once every listener gets a seat in turn, and no stranger does", async () => {
  const { speaker, sessionId, listeners } = await hall(Array(capacity).fill("es"));
  const join = { action: "joinSession", sessionId, targetLanguage: "es" };
  expect(await step({ limit: 500 })).toMatchObject({ asked: capacity + 1 });
  // A client that finds no seat asks again, and stays on its old connection meanwhile.
  const moving = Promise.all(listeners.map((client) => follow(client)));
  expect(await statusOf(stage.connect(join))).toBe(503);
  const moved = await moving;
  for (const client of listeners) expect((await client.closed).code).toBe(1000);
  await stage.stack.idle();
  expect(await statusOf(stage.connect(join))).toBe(503);
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(capacity);
  expect(await stage.rowsOf(sessionId)).toHaveLength(capacity + 1);
  await speaker.leave();
  for (const client of moved) await client.next("sessionEnded");
});

test("a drain in steps asks everybody once, although asked clients come back meanwhile", async () => {
  const { sessionId, everybody } = await hall(["es", "es", "es", "es", "de", "de", "de", "de", "fr", "fr"]);
  let asked = 0;
  let fresh: Client[] = [];
  let rest = everybody;
  let after: unknown;
  let connectedBefore: unknown;
  do {
    const taken = await step({ limit: 3, after, connectedBefore });
    after = taken.next;
    connectedBefore = taken.connectedBefore;
    expect(taken.asked).toBeLessThanOrEqual(3);
    asked += Number(taken.asked);
    const now = rest.filter((client) => types(client).includes("connectionRefreshRequired"));
    rest = rest.filter((client) => !now.includes(client));
    fresh = [...fresh, ...(await Promise.all(now.map((client) => follow(client))))];
    await stage.stack.idle();
    stage.stack.clock.advance(20 * second);
  } while (after !== undefined);
  expect(asked).toBe(11);
  expect(rest).toEqual([]);
  for (const client of fresh) expect(types(client)).toEqual([]);
  expect((await stage.sessionOf(sessionId))?.listenerCount).toBe(10);
  await Promise.all(fresh.map((client) => client.leave()));
  await stage.stack.idle();
});

test("a dead client is no failure, a new client is not asked, and the reaper changes nothing", async () => {
  const { speaker, sessionId, listeners } = await hall(["es", "de"]);
  // Its row stays, as if `$disconnect` never came.
  const end = stage.stack.faults.inject({
    match: { table: stage.stack.tables.Connections ?? "", operation: "DeleteItem" },
    kind: "unreachable",
  });
  await listeners[0]?.leave();
  await stage.stack.idle();
  end();
  const young = await stage.join(sessionId, { targetLanguage: "fr" });
  expect(await step({ limit: 500 })).toMatchObject({ asked: 2, gone: 1, failed: 0, opening: 1 });
  expect(types(young)).toEqual([]);
  const rows = await stage.rowsOf(sessionId);
  await stage.reap();
  expect(await stage.rowsOf(sessionId)).toEqual(rows);
  for (const client of [speaker, listeners[1]]) {
    await client?.ask({ action: "heartbeat" }, "heartbeatAck");
    expect(client && types(client)).toEqual(["connectionRefreshRequired"]);
  }
  await speaker.leave();
  await young.closed;
});

test("an invalid step is refused with the parameter's name", async () => {
  expect(await stage.stack.invoke("session-drain-local", { limit: 501 })).toMatchObject({
    kind: "failed",
    errorType: "Failure",
    errorMessage: "Invalid parameter: limit",
  });
  expect(
    await stage.stack.invoke("session-drain-local", { limit: 1, url: "ws://live.example.com" }),
  ).toMatchObject({ kind: "failed", errorMessage: "Invalid parameter: url" });
});

/** The command of an operator. */
const at = (on: Stage, ...args: string[]) => [
  ...["drain", "--stage", "local", "--endpoint", on.stack.httpUrl],
  ...args,
];

const drain = (...args: string[]) => run(at(stage, ...args));

test("npm run drain prints its plan, its result and the command to go on", async () => {
  const { everybody } = await hall(["es", "de", "fr"]);
  const { code, stdout, stderr } = await ended(start(at(stage, "--url", elsewhere.url)));
  const [first, last] = stderr.trim().split("\n");
  expect(first).toBe(
    `Asking every client of stage local at ${stage.stack.httpUrl} to refresh at ${elsewhere.url}, at most 50 a second.`,
  );
  expect(last).toMatch(
    /^To ask clients again that have not moved by then: npm run drain -- --stage local --url ws:\S+ --endpoint http:\S+ --before 20\d\d-\S+Z$/,
  );
  expect(stdout).toMatch(/^4 asked, 0 gone, \d+ s\n$/);
  expect(code).toBe(0);
  const [speaker, ...listeners] = await Promise.all(everybody.map((client) => follow(client)));
  await stage.stack.idle();
  stage.stack.clock.advance(20 * second);
  const [, again = ""] = last?.match(/--before (\S+)/) ?? [];
  expect((await drain("--before", again)).stdout).toMatch(/^0 asked, 0 gone, /);
  await speaker?.leave();
  for (const client of listeners) await client.closed;
});

test("drain --json prints one object and nothing else", async () => {
  const { speaker, listeners } = await hall(["es", "de"]);
  const young = await stage.join(speaker.sessionId);
  const { code, stdout } = await drain("--json", "--rate", "400");
  expect(JSON.parse(stdout)).toEqual({
    ok: true,
    stage: "local",
    url: null,
    asked: 3,
    gone: 0,
    failed: 0,
    opening: 1,
    finished: true,
    connectedBefore: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    tookMs: expect.any(Number),
  });
  expect(code).toBe(0);
  await speaker.leave();
  for (const client of [...listeners, young]) await client.closed;
});

/** So many clients that a drain of one a second is not done before a slow machine interrupts it. */
const slowHall = () => hall(Array(10).fill("es"));

test("Ctrl-C stops between two steps, and the printed command goes on with the other clients", async () => {
  const { speaker, everybody } = await slowHall();
  const child = start(at(stage, "--rate", "1", "--json"));
  const ending = ended(child);
  await Promise.race(everybody.map((client) => once(client.socket, "message")));
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ending;
  const stopped = JSON.parse(stdout);
  expect(stopped).toMatchObject({ ok: false, finished: false });
  expect(stopped.asked).toBeLessThan(everybody.length);
  expect(code).toBe(130);
  expect(stderr).toContain(
    `To continue with the clients that have not moved: npm run drain -- --stage local --rate 1 --endpoint ${stage.stack.httpUrl} --before ${stopped.connectedBefore}\n`,
  );
  const heard = () => everybody.filter((client) => types(client).length > 0);
  await expect.poll(() => heard().length).toBe(stopped.asked);
  const asked = heard();
  const moved = await Promise.all(asked.map((client) => follow(client)));
  await Promise.all(asked.map(({ closed }) => closed));
  await stage.stack.idle();
  stage.stack.clock.advance(20 * second);
  const rest = JSON.parse((await drain("--json", "--before", stopped.connectedBefore)).stdout);
  expect(rest).toMatchObject({ asked: everybody.length - stopped.asked, finished: true });
  for (const client of moved) expect(types(client)).toEqual([]);
  for (const client of everybody) if (!asked.includes(client)) expect(types(client)).toHaveLength(1);
  const [current = speaker] = asked.includes(speaker) ? moved.slice(asked.indexOf(speaker)) : [];
  await current.leave();
  await stage.stack.idle();
});

test("a drain that fails in the middle prints its progress and the command to go on", async () => {
  const { speaker, everybody } = await slowHall();
  const ending = drain("--rate", "1");
  await Promise.race(everybody.map((client) => once(client.socket, "message")));
  const end = stage.stack.faults.inject({
    match: { table: stage.stack.tables.Connections ?? "", operation: "Scan" },
    kind: "unreachable",
  });
  const { code, stdout, stderr } = await ending;
  end();
  expect(stdout).toMatch(/^([1-9]|10) asked, 0 gone, \d+ s\n$/);
  const [goOn, failed] = stderr.trim().split("\n").slice(-2);
  expect(goOn).toMatch(
    /^To continue with the clients that have not moved: npm run drain -- .* --before \S+Z$/,
  );
  expect(failed).toMatch(/^session-drain-local failed \(Failure: The service is not available/);
  expect(code).toBe(1);
  await speaker.leave();
  await stage.stack.idle();
});

test("clients that cannot be asked are counted, and the command exits with 1", async () => {
  const { speaker, listeners } = await hall(["es"]);
  const client = new DynamoDBClient({
    endpoint: stage.stack.dynamodbEndpoint,
    region: stage.stack.region,
    credentials: { accessKeyId: "operator", secretAccessKey: "operator" },
  });
  const TableName = stage.stack.tables.Connections;
  const Key = { connectionId: { S: "of a later version" } };
  await client.send(new PutItemCommand({ TableName, Item: { ...Key, role: { S: "interpreter" } } }));
  const { code, stdout } = await drain();
  await client.send(new DeleteItemCommand({ TableName, Key }));
  client.destroy();
  expect(stdout).toMatch(/^2 asked, 0 gone, 1 not reached, \d+ s\n$/);
  expect(code).toBe(1);
  await speaker.leave();
  await listeners[0]?.closed;
  await stage.stack.idle();
});

test("a throttled step is retried", async () => {
  const { speaker, listeners } = await hall(["es"]);
  stage.stack.throttle("session-drain-local", 1);
  expect((await drain()).stdout).toMatch(/^2 asked, 0 gone, /);
  await speaker.leave();
  await listeners[0]?.closed;
});

const oneSentence = (result: { code: unknown; stdout: string; stderr: string }, sentence: string) => {
  expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(sentence) });
  expect(result.stderr).not.toMatch(/^ {4}at /m);
};

test.each([
  [[], "Whose clients? Name a stage: npm run drain -- --stage prod"],
  [["--stage", "pr_7!"], "Whose clients? Name a stage"],
  [["--stage", "local", "--rate", "0"], "--rate takes a whole number from 1 to 400, not 0."],
  [["--stage", "local", "--rate", "401"], "--rate takes a whole number from 1 to 400, not 401."],
  [
    ["--stage", "local", "--url", "https://live.example.com"],
    "--url takes the address that clients should move to",
  ],
  [
    ["--stage", "local", "--url", "ws://live.example.com"],
    "--url takes the address that clients should move to",
  ],
  [
    ["--stage", "local", "--url", "ws://127.0.0.1:1/prod"],
    "Nobody answers at ws://127.0.0.1:1/prod (ECONNREFUSED)",
  ],
  [
    ["--stage", "local", "--before", "today"],
    "--before takes a time such as 2026-01-31T12:00:00Z, not today.",
  ],
  [["--stage", "local", "--endpoint", "127.0.0.1:4000"], "--endpoint takes an address such as http://"],
  [
    ["--stage", "local", "--endpoint", "http://127.0.0.1:1"],
    "Nobody answers at http://127.0.0.1:1 (ECONNREFUSED)",
  ],
])("%j is refused with one sentence", async (args, sentence) => {
  oneSentence(await run(["drain", ...args]), sentence);
});

test("a missing stage is named, and so is an address where something else answers", async () => {
  const { httpUrl, webSocketUrl } = stage.stack;
  oneSentence(
    await run(["drain", "--stage", "pr-7", "--endpoint", httpUrl]),
    `There is no function session-drain-pr-7 at ${httpUrl}: the stage is not deployed there`,
  );
  oneSentence(
    await drain("--url", webSocketUrl.replace("/prod", "/nowhere")),
    `What answers at ${webSocketUrl.replace("/prod", "/nowhere")} is not Lectern (403 instead of 400)`,
  );
});

test("without credentials no client is asked, and the message names the remedy", async () => {
  const env = {
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ACCESS_KEY_ID: "",
    AWS_SECRET_ACCESS_KEY: "",
    AWS_PROFILE: "",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  };
  oneSentence(
    await ended(start(["drain", "--stage", "prod"], { env })),
    "There are no AWS credentials, or they cannot be used: sign in (aws sso login)",
  );
});

test("an unreachable table fails the step with one sentence", async () => {
  const end = stage.stack.faults.inject({
    match: { table: stage.stack.tables.Connections ?? "", operation: "Scan" },
    kind: "unreachable",
  });
  const result = await drain();
  end();
  oneSentence(result, "session-drain-local failed (Failure: The service is not available at the moment)");
});

/** A stage whose drain function lacks a permission. */
const startWithout = async (action: string): Promise<Stage> => {
  const graph = await graphOf("local");
  const resources = graph.resources.map((resource) =>
    resource.name === "DrainRole"
      ? {
          ...resource,
          inputs: JSON.parse(JSON.stringify(resource.inputs).replace(action, "s3:GetObject")),
        }
      : resource,
  );
  return startStage({}, { graph: { ...graph, resources } });
};

test.each([
  ["dynamodb:Scan", "session-drain-local failed (its role lacks dynamodb:Scan)"],
  [
    "execute-api:ManageConnections",
    "session-drain-local failed (Error: API Gateway refuses every post with 403: the role lacks execute-api:ManageConnections",
  ],
])("a drain whose function lacks %s says so", async (action, sentence) => {
  const broken = await startWithout(action);
  const { speaker, listeners } = await hall(["es"], broken);
  oneSentence(await run(at(broken)), sentence);
  for (const client of [speaker, ...listeners]) expect(types(client)).toEqual([]);
  await broken.stop();
});
