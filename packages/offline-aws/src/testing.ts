import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** The project whose installed packages and platform the tests use. */
export const projectRoot = path.resolve(import.meta.dirname, "../../..");

const bin = path.resolve(import.meta.dirname, "../bin/offline-aws.mjs");

export interface Tool {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first line of standard output. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
  /** True to start it in a process group, as a terminal does. */
  readonly group?: boolean;
}

/** Starts the real binary. The caller ends it. */
export const startTool = (
  args: readonly string[],
  { cwd = projectRoot, env = {}, nodeArgs = [], group = false }: ToolOptions = {},
): Tool => {
  const { FORCE_COLOR, NO_COLOR, ...inherited } = process.env;
  const child = spawn(process.execPath, [...nodeArgs, bin, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: group,
  });
  const output = { stdout: "", stderr: "" };
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
      const end = output.stdout.indexOf("\n");
      if (end >= 0) resolve(output.stdout.slice(0, end));
    });
    child.on("close", () => reject(new Error(`It ended without a line: ${output.stderr}`)));
  });
  firstLine.catch(() => undefined);
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, firstLine, ended };
};

/** Runs the real binary until it exits. */
export const runTool = (args: readonly string[], options: ToolOptions = {}) => {
  const tool = startTool(args, options);
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  return tool.ended;
};

/** Registers a clean-up for the end of the test. A `beforeAll` passes its own. */
type CleanUp = (end: () => Promise<void>) => void;

/** An empty folder, removed after the test. */
export const temporaryFolder = async (cleanUp: CleanUp = onTestFinished): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "offline-aws-"));
  cleanUp(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** A project with these files in a temporary folder, on this project's packages and, by default, its platform. */
export const temporaryProject = async (
  files: Record<string, string>,
  { platform = true, cleanUp }: { readonly platform?: boolean; readonly cleanUp?: CleanUp } = {},
): Promise<string> => {
  const root = await temporaryFolder(cleanUp);
  await symlink(path.join(projectRoot, "node_modules"), path.join(root, "node_modules"));
  if (platform) {
    await mkdir(path.join(root, ".sst"));
    await symlink(path.join(projectRoot, ".sst/platform"), path.join(root, ".sst/platform"));
  }
  for (const [file, text] of Object.entries({ "package.json": '{"name":"fixture"}', ...files })) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  return root;
};

/** An `sst.config.ts` whose `run` has this body. */
export const program = (body: string): string => `
export default $config({
  app: () => ({ name: "fixture", home: "aws", providers: { aws: { version: "6.66.2" } } }),
  async run() {
    ${body}
  },
});
`;

const guestbookProgram = (more: string) =>
  program(`
    const { maxGuests = "100" } = JSON.parse(process.env.OFFLINE_AWS_SETTINGS ?? "{}");
    if (!Number(maxGuests)) {
      throw Object.assign(new Error("Setting maxGuests must be a number, but it is " + maxGuests + "."), { name: "VisibleError" });
    }
    const guests = new sst.aws.Dynamo("Guests", {
      fields: { id: "string", town: "string" },
      primaryIndex: { hashKey: "id" },
      globalIndexes: { byTown: { hashKey: "town" } },
      ttl: "expiresAt",
      transform: { table: { name: "Guests-" + $app.stage } },
    });
    const api = new sst.aws.ApiGatewayWebSocket("Guestbook");
    const link = [guests, api];
    api.route("$connect", { handler: "src/guestbook.connect", link });
    api.route("sign", { handler: "src/guestbook.sign", link });
    api.route("$default", { handler: "src/guestbook.fallback", link });
    new sst.aws.Cron("Greeter", { schedule: "rate(1 minute)", function: { handler: "src/guestbook.greet", link } });
    ${more}
    return { table: guests.name };
`);

const guestbookHandlers = `
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { Resource } from "sst";

const rows = DynamoDBDocumentClient.from(new DynamoDBClient());
const TableName = Resource.Guests.name;
const sockets = new ApiGatewayManagementApiClient({ endpoint: Resource.Guestbook.managementEndpoint });

const reply = async ({ requestContext }, answer) => {
  const ConnectionId = requestContext.connectionId;
  await sockets.send(new PostToConnectionCommand({ ConnectionId, Data: JSON.stringify(answer) }));
  return { statusCode: 200 };
};

export const connect = async () => ({ statusCode: 200 });

export const sign = async (event) => {
  const { name } = JSON.parse(event.body);
  await rows.send(new PutCommand({ TableName, Item: { id: name, town: "London" } }));
  const { Count } = await rows.send(new ScanCommand({ TableName, FilterExpression: "town = :town", ExpressionAttributeValues: { ":town": "London" } }));
  return reply(event, { signed: name, guests: Count });
};

export const fallback = async (event) => reply(event, { error: "Send sign with a name." });

export const greet = async () => {
  await rows.send(new PutCommand({ TableName, Item: { id: "greeter", town: "Here" } }));
};
`;

/** A small app: three WebSocket routes, a table, a schedule; `more` goes into its program, `manifest` into its package.json. */
export const guestbook = ({
  more = "",
  manifest = {},
  cleanUp = onTestFinished,
}: {
  readonly more?: string;
  readonly manifest?: object;
  readonly cleanUp?: CleanUp;
} = {}): Promise<string> =>
  temporaryProject(
    {
      "package.json": JSON.stringify({ name: "guestbook", ...manifest }),
      "sst.config.ts": guestbookProgram(more),
      "src/guestbook.ts": guestbookHandlers,
    },
    { cleanUp },
  );

/** For `more`: a user pool with an app client. */
export const withUserPool = 'new sst.aws.CognitoUserPool("Users").addClient("Web");';

/** A port that is taken until the test is over. */
export const takenPort = async (): Promise<number> => {
  const { port, close } = await listen(0);
  onTestFinished(close);
  return port;
};

/** A free port; the port after it is taken until the test is over. */
export const portBeforeTaken = async (): Promise<number> => {
  const next = await takenPort();
  const free = await listen(next - 1).catch(() => undefined);
  if (!free) return portBeforeTaken();
  await free.close();
  return next - 1;
};

const listen = async (wanted: number) => {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
};

/** A process's state as `ps` shows it; undefined when it has exited, even if its parent has not collected it yet. */
export const stateOf = (pid: number): string | undefined =>
  processes().find((each) => each.pid === pid)?.state;

/** The processes of this machine that have not exited. */
export const processes = () =>
  execFileSync("ps", ["-eo", "pid=,pgid=,stat=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.match(/^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/))
    .flatMap((found) => (found && !found[3]?.startsWith("Z") ? [found] : []))
    .map(([, pid, group, state, args]) => ({ pid: Number(pid), group: Number(group), state, args }));
