import { type Graph, type Stack, startStack } from "offline-aws";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { graphOf } from "../../../../infra/testing/graph.js";
import { ended, root, run, start } from "../testing.js";

const stage = "local";

let stack: Stack;
let graph: Graph;

beforeAll(async () => {
  graph = await graphOf(stage);
  stack = await startStack({ root, graph, schedules: false });
});

afterAll(() => stack?.stop());

const against = (url: string, ...args: string[]) => [
  ...["demo", "--url", url, "--token", stack.token({ username: "demo" })],
  ...args,
];

/** A stack one of whose functions was deployed without its settings, so that it cannot start. */
const startBroken = (name: string): Promise<Stack> =>
  startStack({
    root,
    schedules: false,
    graph: {
      ...graph,
      resources: graph.resources.map((resource) =>
        resource.inputs.name === `${name}-${stage}` && resource.type === "aws:lambda/function:Function"
          ? { ...resource, inputs: { ...resource.inputs, environment: { variables: {} } } }
          : resource,
      ),
    },
  });

const promises = [
  "the speaker gets a session",
  "every listener is welcomed",
  "the status shows everybody, by language",
  "every heartbeat is acknowledged",
  "a listener may leave",
  "who has left is not counted any more",
  "the listeners hear that the speaker is away",
  "a lost speaker comes back by refreshConnection",
  "the listeners hear that the speaker is back",
  "a wrong id is refused readably",
  "everybody hears the end",
  "everybody's socket is closed",
  "who comes too late is refused with 404",
];

test("against a sound stack every promise is kept, with two listeners in each language too", async () => {
  const { code, stdout, stderr } = await run(against(stack.webSocketUrl, "--json", "--listeners", "2"));
  expect(stderr).toBe("");
  const { promises: kept, ...result } = JSON.parse(stdout);
  expect(kept).toEqual(
    promises.map((promise) => ({
      promise,
      kept: true,
      tookMs: expect.any(Number),
      seen: expect.any(String),
    })),
  );
  expect(result).toMatchObject({
    ok: true,
    broken: null,
    latencies: [
      { frame: "sessionCreated", count: 1, targetMs: 2_000 },
      { frame: "sessionJoined", count: 6, targetMs: 1_000 },
      { frame: "heartbeatAck", count: 8, targetMs: 100 },
      { frame: "connectionRefreshComplete", count: 1 },
    ],
  });
  expect(code).toBe(0);
  await vi.waitFor(() => expect(stack.connectionCount()).toBe(0));
});

test("it prints lines that a person can read, without the token, and without colours when it is not on a terminal", async () => {
  const { code, stdout } = await ended(start(against(stack.webSocketUrl)));
  expect(stdout).toMatch(/ speaker {2}← sessionCreated {2}[a-z]+-[a-z]+-\d{3}, spoken in en, standard {2}\(/);
  expect(stdout).toMatch(/ es {7}← speakerReconnecting {2}the speaker is away/);
  expect(stdout).toMatch(/ lost {5}← error {2}404 SESSION_NOT_FOUND/);
  expect(stdout).toContain("All 13 promises were kept");
  expect(stdout).not.toContain(String.fromCharCode(27));
  expect(stdout).not.toContain("eyJ");
  expect(code).toBe(0);
});

test("a broken heartbeat function is named as the first promise that was broken, and nothing is left open", async () => {
  const broken = await startBroken("session-heartbeat-handler");
  try {
    const { code, stdout } = await run(against(broken.webSocketUrl, "--json"));
    const sentence =
      'Broken promise: every heartbeat is acknowledged: speaker got API Gateway\'s own "Internal server error".';
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, broken: sentence });
    expect(code).toBe(1);
    await vi.waitFor(() => expect(broken.connectionCount()).toBe(0));
  } finally {
    await broken.stop();
  }
});

test("a token of another user pool breaks the first promise", async () => {
  const { code, stdout } = await run(["demo", "--url", stack.webSocketUrl, "--token", "nonsense"]);
  expect(stdout).toContain("Broken promise: the speaker gets a session: speaker was refused with 401, since");
  expect(code).toBe(1);
});

test("Ctrl-C in the middle closes every socket and ends with 130", async () => {
  const child = start(against(stack.webSocketUrl));
  const end = ended(child);
  child.stdout?.on("data", (chunk) => {
    if (String(chunk).includes("sessionCreated")) child.kill("SIGINT");
  });
  expect(await end).toMatchObject({ code: 130, stderr: expect.stringMatching(/^Interrupted: .*\n$/) });
  await stack.idle();
});

test.each([
  [["--url", "http://127.0.0.1:1/prod"], "--url takes a WebSocket address"],
  [["--url", "ws://127.0.0.1:1/prod"], "Nobody answers at ws://127.0.0.1:1/prod (ECONNREFUSED)"],
  [["--listeners", "0"], "--listeners takes a whole number from 1 to 100, not 0."],
])("%j is answered with one sentence", async (args, sentence) => {
  const { code, stdout, stderr } = await run(["demo", ...args]);
  expect(stderr).toContain(sentence);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
});
