import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
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
  portBeforeTaken,
  program,
  runTool,
  startTool,
  type Tool,
  takenPort,
  temporaryFolder,
  temporaryProject,
} from "../testing.js";

/** What stands on standard error while it starts, however slow the machine. */
const progress = /^((Evaluating|Bundling|Starting) [^\n]+\n)*$/;

const esc = String.fromCharCode(27);

describe("start --json", () => {
  let tool: Tool;
  let stack: Record<string, string> & { tables: Record<string, string> };
  beforeAll(async () => {
    tool = startTool(["start", "--json", "--port", "0"]);
    stack = JSON.parse(await tool.firstLine);
  });
  afterAll(() => void tool.child.kill("SIGKILL"));

  test("prints one line with the documented keys", () => {
    expect(stack).toEqual({
      webSocketUrl: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/prod$/),
      httpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      dynamodbEndpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      region: "us-east-1",
      tables: {
        Sessions: "Sessions-local",
        Connections: "Connections-local",
        RateLimits: "RateLimits-local",
      },
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(new URL(stack.httpUrl ?? "").host).toBe(new URL(stack.webSocketUrl ?? "").host);
  });

  test("is seen by an ordinary AWS SDK: it lists, describes and scans the tables", async () => {
    const client = new DynamoDBClient({
      endpoint: stack.dynamodbEndpoint ?? "",
      region: "us-east-1",
      credentials: { accessKeyId: "AKIAOPERATOR", secretAccessKey: "any" },
    });
    onTestFinished(() => client.destroy());
    const { TableNames } = await client.send(new ListTablesCommand({}));
    expect(TableNames?.sort()).toEqual(["Connections-local", "RateLimits-local", "Sessions-local"]);
    const { Table } = await client.send(new DescribeTableCommand({ TableName: "Connections-local" }));
    expect(Table).toMatchObject({
      TableStatus: "ACTIVE",
      KeySchema: [{ AttributeName: "connectionId", KeyType: "HASH" }],
      GlobalSecondaryIndexes: [
        { IndexName: "sessionId-targetLanguage-index", Projection: { ProjectionType: "ALL" } },
      ],
    });
    expect(
      await client.send(new DescribeTimeToLiveCommand({ TableName: "Connections-local" })),
    ).toMatchObject({ TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "ttl" } });
    for (const TableName of TableNames ?? []) {
      expect(await client.send(new ScanCommand({ TableName }))).toMatchObject({ Count: 0 });
    }
  });

  test("answers a call of a service that is not there with a sentence, as an SDK shows it", async () => {
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
        "AWSShineFrontendService_20170701.TranslateText of the AWS service translate is not part of the local stack: it has API Gateway WebSocket APIs, DynamoDB, Lambda (Invoke, GetFunctionConfiguration, ListEventSourceMappings), Cognito (AdminCreateUser, AdminSetUserPassword, AdminGetUser, AdminDisableUser, AdminEnableUser, AdminDeleteUser, AdminInitiateAuth, InitiateAuth, RespondToAuthChallenge), CloudWatch Logs (FilterLogEvents) and STS (GetCallerIdentity).",
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
  test("ends with code 0 within seconds of Ctrl-C, with a socket open, and has printed nothing else", async () => {
    const query = new URLSearchParams({
      action: "createSession",
      sourceLanguage: "en",
      token: stack.token ?? "",
    });
    const socket = new WebSocket(`${stack.webSocketUrl}?${query}`);
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

test("start prints what to paste, without colours into a pipe, and ends with code 0 when it is asked to", async () => {
  const tool = startTool(["start", "--port", "0", "--set", "MAX_LISTENERS_PER_SESSION=3"]);
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  await tool.firstLine;
  await expect.poll(tool.stdout).toMatch(/Beat, in either:\n.+\n/);
  tool.child.kill("SIGTERM");
  const { code, stdout, stderr } = await tool.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\nlectern runs on this machine \(ready in \d+\.\d s; Ctrl-C ends it\)\n/);
  expect(stdout).toMatch(/\n {2}WebSocket {2}ws:\/\/127\.0\.0\.1:\d+\/prod\n/);
  expect(stdout).toMatch(
    /wscat -c 'ws:\/\/127\.0\.0\.1:\d+\/prod\?action=createSession&sourceLanguage=en&token=[\w.-]+'/,
  );
  expect(stdout).not.toMatch(/\{(webSocketUrl|httpUrl|token)\}/);
  expect(stdout).not.toContain(esc);
  expect(stderr).toMatch(progress);
});

test("Ctrl-C at the terminal while it still starts ends it at once, without a word of failure", async () => {
  const tool = startTool(["start", "--port", "0"], { group: true });
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

describe("a start that cannot be gives one sentence and code 1", () => {
  /** How it ended, without what it said of its progress on a slow machine. */
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
    expect(await failed(["--port", "0", "--set", "CONNECTION_WARNING_MINUTES=1"])).toBe(
      "Setting connectionWarningMinutes (CONNECTION_WARNING_MINUTES) must not be before connectionRefreshMinutes, but it is 1.\n",
    );
  });
});

describe("a program with neither a WebSocket API nor a user pool", () => {
  const manifest = { name: "fixture", local: { try: { "Look at it": "curl {httpUrl}", Sign: "{token}" } } };
  const files = { "sst.config.ts": program("return {};"), "package.json": JSON.stringify(manifest) };

  test("has no line and no key of what is not there, and ends with code 0 when the terminal closes", async () => {
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

  test("ends as by Ctrl-C, and cleans up, once nobody reads what it prints", async () => {
    const cwd = await temporaryProject(files);
    const tool = startTool(["start", "--port", "0"], { cwd });
    onTestFinished(() => void tool.child.kill("SIGKILL"));
    await tool.firstLine;
    await expect.poll(tool.stdout, { timeout: 10_000 }).toMatch(/\nLook at it:\n {2}curl http:.+\n\n$/);
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
    await expect.poll(tool.stderr, { timeout: 20_000 }).toMatch(/\nfixture runs on this machine/);
    tool.child.kill("SIGTERM");
    expect(await tool.ended).toMatchObject({ code: 0, stdout: "" });
  });
});
