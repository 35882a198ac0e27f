import { once } from "node:events";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { startStack } from "./index.js";
import { guestbook, runTool, startTool, type Tool } from "./testing.js";

// An app that shares nothing with the project that this package lives in but its installed packages.
let root: string;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  root = await guestbook({ cleanUp: (end) => ends.push(end) });
});
afterAll(() => Promise.all(ends.map((end) => end())));

const open = async (url: string) => {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return async (frame: object) => {
    const answered = once(socket, "message");
    socket.send(JSON.stringify(frame));
    return JSON.parse(String((await answered)[0]));
  };
};

describe("offline-aws start", () => {
  let tool: Tool;
  let ready: { webSocketUrl: string; dynamodbEndpoint: string; tables: Record<string, string> };
  beforeAll(async () => {
    tool = startTool(["start", "--json", "--port", "0"], { cwd: root });
    ready = JSON.parse(await tool.firstLine);
  });
  afterAll(() => void tool.child.kill("SIGKILL"));

  test("names the app's URL and tables, and no token where there is no user pool", () => {
    expect(ready.tables).toEqual({ Guests: "Guests-local" });
    expect(ready.webSocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/\$default$/);
    expect(ready).not.toHaveProperty("token");
  });

  test("answers each frame by the route of its action", async () => {
    const send = await open(ready.webSocketUrl);
    expect(await send({ action: "sign", name: "Ada" })).toEqual({ signed: "Ada", guests: 1 });
    expect(await send({ action: "sign", name: "Alan" })).toEqual({ signed: "Alan", guests: 2 });
    expect(await send({ action: "dance" })).toEqual({ error: "Send sign with a name." });
  });

  test("shows the functions' and the schedule's rows to an ordinary AWS SDK", async () => {
    const client = new DynamoDBClient({
      endpoint: ready.dynamodbEndpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "AKIAOPERATOR", secretAccessKey: "any" },
    });
    onTestFinished(() => client.destroy());
    const ids = async () => {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: "Guests-local" }));
      return Items.map(({ id }) => id?.S).sort();
    };
    await expect.poll(ids).toEqual(["Ada", "Alan", "greeter"]);
  });
});

test("offline-aws synth --json prints the app's resources on one line", async () => {
  const { code, stdout } = await runTool(["synth", "--stage", "dev", "--json"], { cwd: root });
  expect(code).toBe(0);
  expect(stdout.trimEnd()).not.toContain("\n");
  const { app, resources, outputs } = JSON.parse(stdout);
  expect({ app: app.name, outputs }).toEqual({ app: "fixture", outputs: { table: "Guests-dev" } });
  const routes = resources.filter(({ type }: { type: string }) => type === "aws:apigatewayv2/route:Route");
  expect(routes.map(({ inputs }: { inputs: { routeKey: string } }) => inputs.routeKey).sort()).toEqual([
    "$connect",
    "$default",
    "sign",
  ]);
});

test("offline-aws token says in a sentence that there is no user pool to sign for", async () => {
  const { code, stdout, stderr } = await runTool(["token", "ada"], { cwd: root });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(
    /^(Evaluating .+\n)?Stage local declares no user pool with an app client, so no .+\.\n$/,
  );
});

test("a test runs the app in its own process, with a clock that it moves", async () => {
  const stack = await startStack({ root, schedules: false });
  onTestFinished(() => stack.stop());
  const send = await open(stack.webSocketUrl);
  expect(await send({ action: "sign", name: "Grace" })).toMatchObject({ guests: 1 });
  expect(stack.connectionCount()).toBe(1);
  expect(stack.outputs).toEqual({ table: "Guests-local" });
  const before = stack.clock.now();
  stack.clock.advance(3_600_000);
  expect(stack.clock.now() - before).toBeGreaterThanOrEqual(3_600_000);
  await stack.idle();
});
