import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { median } from "@lectern/cli/statistic";
import { plan, synth } from "offline-aws";
import * as v from "valibot";
import type { Bench, Benchmark, Report } from "./benchmark.js";
import { budgets } from "./benchmark.js";
import { bundle } from "./bundles.js";
import { temporaryFolder } from "./harness.js";
import { wholeCpuMb } from "./memory.js";
import { sessionIds, startCanned } from "./reaper/canned.js";

/** The functions that a client waits for, and an event for each. */
const events = {
  "session-authorizer": () => ({
    methodArn: "arn:aws:execute-api:us-east-1:123456789012:api/prod/$connect",
    headers: {},
    requestContext: context("CONNECT"),
  }),
  "session-connection-handler": () => ({
    headers: {},
    queryStringParameters: { action: "joinSession", sessionId, targetLanguage: "es" },
    requestContext: context("CONNECT"),
  }),
  "session-welcome": () => ({
    Records: [
      {
        eventName: "INSERT",
        eventSourceARN: "arn:aws:dynamodb:us-east-1:123456789012:table/Connections/stream/1",
        dynamodb: {
          SequenceNumber: "1",
          ApproximateCreationDateTime: Date.now() / 1_000,
          NewImage: {
            connectionId: { S: connectionId },
            sessionId: { S: sessionId },
            role: { S: "listener" },
            targetLanguage: { S: "es" },
            connectedAt: { N: String(Date.now()) },
            requestedAt: { N: String(Date.now()) },
            requestId: { S: "TXzPWdnOjoECGjA=" },
            addressHash: { S: "h".repeat(43) },
            ttl: { N: "1900000000" },
          },
        },
      },
    ],
  }),
  "session-heartbeat-handler": () => ({ body: '{"action":"heartbeat"}', requestContext: context("MESSAGE") }),
  "session-disconnect-handler": () => ({
    requestContext: { ...context("DISCONNECT"), disconnectStatusCode: 1001 },
  }),
} as const;

const [sessionId = ""] = sessionIds;
const connectionId = `L1-${sessionId}=`;

const context = (eventType: string) => ({
  eventType,
  connectionId,
  connectedAt: Date.now(),
  requestTimeEpoch: Date.now(),
  requestId: "TXzPWdnOjoECGjA=",
  identity: { sourceIp: "203.0.113.7" },
});

interface Cold {
  readonly name: string;
  readonly memoryMb: number;
  /** CPU time in ms: of the import, of the first invocation, of one of the later ones. */
  readonly loadMs: number;
  readonly firstMs: number;
  readonly warmMs: number;
}

const measuredSchema = v.object({ loadMs: v.number(), firstMs: v.number(), warmMs: v.number() });

export const cold: Benchmark = {
  name: "cold",
  summary: "CPU time of each function that clients wait for: its load, first and later invocations.",
  run: async (bench: Bench): Promise<Report> => {
    const { root, say, scope, rounds = 5 } = bench;
    const folder = await temporaryFolder(bench);
    const { functions } = plan(await synth({ root, stage: "prod", say }));
    const server = await startCanned(scope, "well");
    const program = path.join(folder, "cold.mjs");
    await writeFile(program, source);
    const measured: Cold[] = [];
    for (const [name, event] of Object.entries(events)) {
      const fn = functions.find((one) => one.name === `${name}-prod`);
      if (!fn) throw new Error(`There is no function ${name}`);
      say(`Starting ${name} in ${rounds} new processes`);
      const { file, environment } = await bundle(root, folder, fn);
      const runs: v.InferOutput<typeof measuredSchema>[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const env = {
          ...environment,
          ...tables,
          ...credentials,
          ...servers(server),
        };
        const { stdout } = await promisify(execFile)(
          process.execPath,
          [program, file, JSON.stringify(event())],
          {
            maxBuffer: 64 * 1024 * 1024,
            env: { PATH: process.env.PATH, ...env },
          },
        );
        runs.push(v.parse(measuredSchema, JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")));
      }
      measured.push({
        name,
        memoryMb: fn.memoryMb,
        loadMs: median(runs.map(({ loadMs }) => loadMs)),
        firstMs: median(runs.map(({ firstMs }) => firstMs)),
        warmMs: Math.min(...runs.map(({ warmMs }) => warmMs)),
      });
    }
    return report(measured, rounds);
  },
};

const tables = {
  SESSIONS_TABLE: "Sessions",
  CONNECTIONS_TABLE: "Connections",
  RATE_LIMITS_TABLE: "RateLimits",
};

const credentials = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench" };

const servers = (server: string) => ({
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  AWS_ENDPOINT_URL_DYNAMODB: server,
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: server,
  API_GATEWAY_ENDPOINT: `${server}/prod`,
});

/** Imports a bundle and invokes its handler; prints the CPU time of each part. */
const source = `
  import { pathToFileURL } from "node:url";
  const timed = async (act) => {
    const before = process.cpuUsage();
    const result = await act();
    const { user, system } = process.cpuUsage(before);
    return [(user + system) / 1_000, result];
  };
  const [loadMs, { handler }] = await timed(() => import(pathToFileURL(process.argv[2]).href));
  const invoke = () => handler(JSON.parse(process.argv[3]), { getRemainingTimeInMillis: () => 30_000 });
  const [firstMs] = await timed(invoke);
  const block = async () => { for (let n = 0; n < 500; n += 1) await invoke(); };
  const blocks = [];
  for (let n = 0; n < 3; n += 1) blocks.push((await timed(block))[0] / 500);
  process.stdout.write("\\n" + JSON.stringify({ loadMs, firstMs, warmMs: Math.min(...blocks) }) + "\\n");
  process.exit(0);
`;

/** What a function's share of a CPU makes of CPU time. Lambda gives a whole one while a function loads. */
const atShare = (ms: number, memoryMb: number): number => ms / Math.min(1, memoryMb / wholeCpuMb);

const joining = ["session-authorizer", "session-connection-handler", "session-welcome"];

const report = (measured: readonly Cold[], rounds: number): Report => {
  const join = measured.filter(({ name }) => joining.includes(name));
  const joinMs = join.reduce(
    (sum, { loadMs, firstMs, memoryMb }) => sum + loadMs + atShare(firstMs, memoryMb),
    0,
  );
  const beat = measured.find(({ name }) => name === "session-heartbeat-handler");
  const beatMs = beat ? atShare(beat.warmMs, beat.memoryMb) : Number.NaN;
  const { heartbeatMs } = budgets;
  const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return {
    title: "Cold and warm: CPU time of the functions that clients wait for",
    header: ["function", "memory", "load", "first", "at its share", "warm", "at its share", "budget"],
    rows: [
      ...measured.map(({ name, memoryMb, loadMs, firstMs, warmMs }) => [
        name,
        `${memoryMb} MB`,
        ms(loadMs),
        ms(firstMs),
        ms(atShare(firstMs, memoryMb)),
        ms(warmMs),
        ms(atShare(warmMs, memoryMb)),
        name === beat?.name ? `≤ ${heartbeatMs} ms` : "",
      ]),
      ["a join, all cold", "", "", "", ms(joinMs), "", "", ""],
    ],
    notes: [
      `Median of ${rounds} new processes, against a server with canned answers; warm is the best of three blocks of 500.`,
      "Without TLS and without the time of AWS's network. A function loads with a whole CPU; from then on it has its share.",
    ],
    exceeded: beatMs > heartbeatMs ? [`a warm heartbeat takes ${ms(beatMs)}, budget ${heartbeatMs} ms`] : [],
    figures: { measured, joinMs, beatMs },
  };
};
