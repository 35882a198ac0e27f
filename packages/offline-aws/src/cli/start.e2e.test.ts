import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTablesCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import {
  guestbook,
  portBeforeTaken,
  program,
  runTool,
  startTool,
  type Tool,
  takenPort,
  temporaryFolder,
  temporaryProject,
  withUserPool,
} from "../testing.js";

/** The lines on standard error of a start on a slow machine. */
const progress = /^((Evaluating|Bundling|Starting) [^\n]+\n)*$/;

const esc = String.fromCharCode(27);

describe("start --json", () => {
  let tool: Tool;
  let stack: Record<string, string> & { tables: Record<string, string> };
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const cwd = await guestbook({ more: withUserPool, cleanUp: (end) => ends.push(end) });
    tool = startTool(["start", "--json", "--port", "0"], { cwd });
    stack = JSON.parse(await tool.firstLine);
  });
  afterAll(async () => {
    tool.child.kill("SIGKILL");
    for (const end of ends) await end();
  });

  test("prints one line with the documented keys", () => {
    expect(stack).toEqual({
      webSocketUrl: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/\$default$/),
      httpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      dynamodbEndpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      region: "us-east-1",
      tables: { Guests: "Guests-local" },
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(new URL(stack.httpUrl ?? "").host).toBe(new URL(stack.webSocketUrl ?? "").host);
  });

  test("serves an ordinary AWS SDK: it lists, describes and scans the tables", async () => {
    const client = new DynamoDBClient({
      endpoint: stack.dynamodbEndpoint ?? "",
      region: "us-east-1",
      credentials: { accessKeyId: "AKIAOPERATOR", secretAccessKey: "any" },
    });
    onTestFinished(() => client.destroy());
    const TableName = "Guests-local";
    expect(await client.send(new ListTablesCommand({}))).toMatchObject({ TableNames: [TableName] });
    expect(await client.send(new DescribeTableCommand({ TableName }))).toMatchObject({
      Table: {
        TableStatus: "ACTIVE",
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        GlobalSecondaryIndexes: [{ IndexName: "byTown", Projection: { ProjectionType: "ALL" } }],
      },
    });
    expect(await client.send(new DescribeTimeToLiveCommand({ TableName }))).toMatchObject({
      TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" },
    });
    // The schedule's row: a new rule invokes its function at once.
    const count = async () => (await client.send(new ScanCommand({ TableName }))).Count;
    await expect.poll(count).toBe(1);
  });

  test("answers a call of a service that is not emulated with a sentence, as an SDK shows it", async () => {
    const response = await fetch(`${stack.httpUrl}/`, {
      method: "POST",
      headers: {
        authorization:
          "AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/20261123/us-east-1/translate/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-target": "AWSShineFrontendService_20170701.TranslateText",
      },
      body: "{}",
    });
    expect(response.status).toBe(501);
    expect(response.headers.get("x-amzn-errortype")).toBe("NotAvailableOfflineException");
    expect(await response.json()).toEqual({
      __type: "NotAvailableOfflineException",
      message:
        "AWSShineFrontendService_20170701.TranslateText of the AWS service translate is not part of the local stack: it has API Gateway WebSocket APIs, DynamoDB, Lambda (Invoke, GetFunctionConfiguration, ListEventSourceMappings, GetAccountSettings), Cognito (AdminCreateUser, AdminSetUserPassword, AdminGetUser, AdminDisableUser, AdminEnableUser, AdminDeleteUser, AdminInitiateAuth, InitiateAuth, RespondToAuthChallenge), CloudWatch Logs (FilterLogEvents) and STS (GetCallerIdentity).",
    });
  });

  test("answers any other request with a sentence, too", async () => {
    const response = await fetch(`${stack.httpUrl}/favicon.ico`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      message: expect.stringMatching(/^GET \/favicon\.ico is not part of the local stack/),
    });
  });

  // The last: it ends the stack.
  test("ends with code 0 within seconds of Ctrl-C while a socket is open, and has printed nothing else", async () => {
    const socket = new WebSocket(stack.webSocketUrl ?? "");
    await once(socket, "open");
    const closed = once(socket, "close");
    const asked = Date.now();
    tool.child.kill("SIGINT");
    const { code, stdout, stderr } = await tool.ended;
    await closed;
    expect(code).toBe(0);
    expect(Date.now() - asked).toBeLessThan(5_000);
    expect(stdout.match(/\n/g)).toHaveLength(1);
    expect(stderr).toMatch(progress);
  });
});

test("start prints what to paste on one screen, without a token or colours, and ends with code 0 when asked to", async () => {
  const manifest = {
    scripts: { token: "offline-aws token" },
    "offline-aws": {
      try: {
        "Open a socket": `wscat -c '{webSocketUrl}?lang=en' \\\n  -s guestbook.v1 -s "bearer.{token}"`,
        "Sign, there": '{"action":"sign","name":"Ada"}',
      },
    },
  };
  const tool = startTool(["start", "--port", "0", "--set", "maxGuests=3"], {
    cwd: await guestbook({ more: withUserPool, manifest }),
  });
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  await tool.firstLine;
  await expect.poll(tool.stdout).toMatch(/DynamoDB .+\n/);
  const text = tool.stdout();
  tool.child.kill("SIGTERM");
  const { code, stdout, stderr } = await tool.ended;
  expect(code).toBe(0);
  expect(text).toMatch(
    new RegExp(
      [
        "^\\nguestbook runs on this machine \\(ready in \\d+\\.\\d s; Ctrl-C ends it\\)\\n",
        "\\nOpen a socket:\\n {2}wscat -c 'ws://127\\.0\\.0\\.1:\\d+/\\$default\\?lang=en' \\\\\\n",
        ' {4}-s guestbook\\.v1 -s "bearer\\.\\$\\(npm run -s token -- alice\\)"\\n',
        '\\nSign, there:\\n {2}\\{"action":"sign","name":"Ada"\\}\\n',
        "\\n {2}WebSocket {2}ws://127\\.0\\.0\\.1:\\d+/\\$default\\n",
      ].join(""),
    ),
  );
  const lines = text.split("\n");
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(stdout).not.toContain(esc);
  expect(stderr).toMatch(progress);
});

test("Ctrl-C at the terminal during the start ends it at once, without an error", async () => {
  const tool = startTool(["start", "--port", "0"], { cwd: await guestbook(), group: true });
  const { pid } = tool.child;
  if (pid === undefined) throw new Error("It did not start.");
  onTestFinished(() => {
    // The whole group, as the terminal would; it is gone when all went well.
    if (tool.child.exitCode === null) process.kill(-pid, "SIGKILL");
  });
  // The gateway listens before the program is evaluated: from then on the process minds its signals.
  const evaluating = () => tool.stderr().includes("Evaluating");
  await Promise.race([expect.poll(evaluating).toBe(true), tool.firstLine]);
  process.kill(-pid, "SIGINT");
  const { code, stderr } = await tool.ended;
  expect(code).toBe(0);
  expect(stderr).toMatch(progress);
});

test.each(["SIGTERM", "SIGKILL"] as const)("ends when the npm that started it ends by %s", async (signal) => {
  const root = await guestbook({ manifest: { scripts: { start: "offline-aws start --json --port 0" } } });
  const npm = spawn("npm", ["start", "--silent"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void npm.kill("SIGKILL"));
  const [line] = await once(createInterface(npm.stdout), "line");
  const { httpUrl } = JSON.parse(line);
  expect((await fetch(httpUrl)).status).toBeLessThan(500);
  npm.kill(signal);
  const isServing = () =>
    fetch(httpUrl).then(
      () => true,
      () => false,
    );
  await expect.poll(isServing).toBe(false);
});

describe("a start that fails gives one sentence and code 1", () => {
  /** The error of a start, without the lines of progress on a slow machine. */
  const failed = async (args: readonly string[], options: Parameters<typeof runTool>[1] = {}) => {
    const { code, stdout, stderr } = await runTool(["start", ...args], options);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    return stderr.replace(/^((Evaluating|Bundling|Starting) [^\n]+\n)*/, "");
  };
  const emptyProject = () => temporaryProject({ "sst.config.ts": program("return {};") });

  test("when the gateway's port is taken, before anything is evaluated", async () => {
    const port = await takenPort();
    expect(await failed(["--port", String(port)])).toBe(
      `Port ${port} is in use: stop what runs there, or choose another with --port.\n`,
    );
  });

  test("when DynamoDB's port, the next one, is taken, before anything is evaluated", async () => {
    const port = await portBeforeTaken();
    const cwd = await temporaryProject({ "sst.config.ts": "{" });
    expect(await failed(["--port", String(port)], { cwd })).toBe(
      `Port ${port + 1} is in use: stop what runs there, or choose another with --port.\n`,
    );
  });

  test("when the engine needs Java, and there is none", async () => {
    const env = { PATH: await temporaryFolder(), JAVA_HOME: "" };
    const args = ["--port", "0", "--engine", "dynamodb-local"];
    expect(await failed(args, { cwd: await emptyProject(), env })).toMatch(/^[^\n]*Java 17[^\n]*\n$/);
  });

  test("when a setting is wrong", async () => {
    expect(await failed(["--port", "0", "--set", "maxGuests=many"], { cwd: await guestbook() })).toBe(
      "Setting maxGuests must be a number, but it is many.\n",
    );
  });
});

describe("a program with neither a WebSocket API nor a user pool", () => {
  const manifest = {
    name: "fixture",
    "offline-aws": { try: { "Look at it": "curl {httpUrl}", Sign: "{token}" } },
  };
  const files = { "sst.config.ts": program("return {};"), "package.json": JSON.stringify(manifest) };

  test("has no key for either, and ends with code 0 when the terminal closes", async () => {
    const cwd = await temporaryProject(files);
    const tool = startTool(["start", "--port", "0", "--json"], { cwd });
    onTestFinished(() => void tool.child.kill("SIGKILL"));
    expect(Object.keys(JSON.parse(await tool.firstLine))).toEqual([
      "httpUrl",
      "dynamodbEndpoint",
      "region",
      "tables",
    ]);
    tool.child.kill("SIGHUP");
    tool.child.kill("SIGHUP");
    expect(await tool.ended).toMatchObject({ code: 0 });
  });

  test("ends and cleans up when its output is no longer read", async () => {
    const cwd = await temporaryProject(files);
    const tool = startTool(["start", "--port", "0"], { cwd });
    onTestFinished(() => void tool.child.kill("SIGKILL"));
    await tool.firstLine;
    await expect
      .poll(tool.stdout, { timeout: 60_000 })
      .toMatch(/\nLook at it:\n {2}curl http:.+\n\n( {2}.+\n){3}\n$/);
    expect(tool.stdout()).not.toMatch(/WebSocket|Sign/);
    tool.child.stdout?.destroy();
    // The next line that it prints.
    await writeFile(path.join(cwd, "sst.config.ts"), program("return {}; "));
    const { code, stderr } = await tool.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(progress);
    expect((await readdir(path.join(cwd, ".sst/offline"))).filter((name) => /^lambda-/.test(name))).toEqual(
      [],
    );
  });

  test("leaves standard output to the functions' lines with --logs json", async () => {
    const tool = startTool(["start", "--port", "0", "--logs", "json"], {
      cwd: await temporaryProject(files),
    });
    onTestFinished(() => void tool.child.kill("SIGKILL"));
    await expect.poll(tool.stderr, { timeout: 60_000 }).toMatch(/\nfixture runs on this machine/);
    tool.child.kill("SIGTERM");
    expect(await tool.ended).toMatchObject({ code: 0, stdout: "" });
  });
});
