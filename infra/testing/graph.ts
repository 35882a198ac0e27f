import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Graph, ofType, type Resource, synth } from "offline-aws";
import { vi } from "vitest";
import { projectOnlyVariable } from "../settings";
import type { ByStage } from "../settings.schema";

const root = path.resolve(import.meta.dirname, "../..");

/** Evaluates the real program for a stage, as a deployment would; with `dev`, as live mode would. */
export const graphOf = (
  stage: string,
  settings: Record<string, string> = {},
  { dev = false }: { readonly dev?: boolean } = {},
): Promise<Graph> =>
  once({ stage, settings, ...(dev ? { dev } : {}) }, () => synth({ root, stage, settings, dev }));

/** Evaluates the program with these settings in `infra/deployments.ts`. */
export const graphWith = (stage: string, deployments: ByStage): Promise<Graph> =>
  graphOfCopy(
    stage,
    "infra/deployments.ts",
    () => `export const deployments = ${JSON.stringify(deployments)};`,
  );

/** Evaluates a copy of the program in which one file was edited. */
export const graphOfCopy = (
  stage: string,
  file: string,
  edit: (source: string) => string,
): Promise<Graph> => {
  const edited = edit(readFileSync(path.join(root, file), "utf8"));
  return once({ stage, file, edited }, async () => {
    const copy = await mkdtemp(path.join(tmpdir(), "lectern-infra-"));
    try {
      await mkdir(path.join(copy, ".sst"));
      for (const shared of ["node_modules", "packages", ".sst/platform"]) {
        await symlink(path.join(root, shared), path.join(copy, shared));
      }
      for (const own of ["sst.config.ts", "infra"]) {
        await cp(path.join(root, own), path.join(copy, own), { recursive: true });
      }
      await writeFile(path.join(copy, file), edited);
      vi.stubEnv(projectOnlyVariable, undefined);
      return await synth({ root: copy, stage });
    } finally {
      vi.unstubAllEnvs();
      await rm(copy, { recursive: true });
    }
  });
};

const evaluated = new Map<string, Promise<Graph>>();

/** Test files and runs share graphs by files on disk, because one evaluation takes three seconds of CPU. */
const once = (question: object, evaluate: () => Promise<Graph>): Promise<Graph> => {
  const key = createHash("sha256").update(JSON.stringify(question)).digest("hex");
  const file = path.join(root, "node_modules/.cache/infra-graph", `${key}.json`);
  const graph = evaluated.get(key) ?? kept(file).then((found) => found ?? keep(file, evaluate));
  evaluated.set(key, graph);
  return graph;
};

const kept = async (file: string): Promise<Graph | undefined> => {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { startedAt, graph }: { startedAt: number; graph: Graph } = JSON.parse(text);
  return startedAt > (await changedAt()) ? graph : undefined;
};

const keep = async (file: string, evaluate: () => Promise<Graph>): Promise<Graph> => {
  const startedAt = Date.now();
  const graph = await evaluate();
  await mkdir(path.dirname(file), { recursive: true });
  // Renamed, so that another test file never reads half a graph.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ startedAt, graph }));
  await rename(draft, file);
  return graph;
};

/** Everything that the evaluation reads. `.dependency-cruiser.mjs` holds infra to these packages. */
const read = [
  ...["sst.config.ts", "package-lock.json", "infra"],
  ...["packages/core/src", "packages/protocol/src", "packages/offline-aws/src"],
];

/** The time of the latest change to the program, in milliseconds since 1970. */
const changedAt = async (): Promise<number> => {
  const files = await Promise.all(read.map((name) => filesIn(path.join(root, name))));
  const sources = files.flat().filter((file) => !/\.test\.ts$|\/testing\//.test(file));
  const stats = await Promise.all(sources.map((file) => stat(file)));
  return Math.max(...stats.map(({ mtimeMs, ctimeMs }) => Math.max(mtimeMs, ctimeMs)));
};

const filesIn = async (place: string): Promise<string[]> => {
  if ((await stat(place)).isFile()) return [place];
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  // Folders count too, because a removed file changes only its folder's time.
  return [place, ...entries.map((entry) => path.join(entry.parentPath, entry.name))];
};

/** The resource of a type with this physical name. */
export const named = (graph: Graph, type: string, name: string): Resource => {
  const found = ofType(graph, type).find(({ inputs }) => inputs.name === name);
  if (!found) throw new Error(`The program declares no ${type} named ${name}.`);
  return found;
};

/** The physical names of every resource of a type, sorted. */
export const namesOf = (graph: Graph, type: string): string[] =>
  ofType(graph, type)
    .map(({ inputs }) => String(inputs.name))
    .sort();

export const types = {
  api: "aws:apigatewayv2/api:Api",
  stage: "aws:apigatewayv2/stage:Stage",
  route: "aws:apigatewayv2/route:Route",
  routeResponse: "aws:apigatewayv2/routeResponse:RouteResponse",
  integration: "aws:apigatewayv2/integration:Integration",
  authorizer: "aws:apigatewayv2/authorizer:Authorizer",
  table: "aws:dynamodb/table:Table",
  lambda: "aws:lambda/function:Function",
  mapping: "aws:lambda/eventSourceMapping:EventSourceMapping",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
  role: "aws:iam/role:Role",
  pool: "aws:cognito/userPool:UserPool",
  poolClient: "aws:cognito/userPoolClient:UserPoolClient",
  topic: "aws:sns/topic:Topic",
  subscription: "aws:sns/topicSubscription:TopicSubscription",
  queue: "aws:sqs/queue:Queue",
  alarm: "aws:cloudwatch/metricAlarm:MetricAlarm",
  dashboard: "aws:cloudwatch/dashboard:Dashboard",
  query: "aws:cloudwatch/queryDefinition:QueryDefinition",
  budget: "aws:budgets/budget:Budget",
};

/** Turns on everything that a stage may have. */
export const full = {
  domain: "live.example.com",
  alarmEmail: "ops@example.com",
  monthlyBudget: "55",
  vpc: '{"privateSubnets":["subnet-1"],"securityGroups":["sg-1"]}',
  passwordSignIn: "false",
  logLevel: "ERROR",
  isBounded: "true",
  provisionedConcurrency: "5",
};

/** Changes settings of `prod`. One evaluation serves the tests of all of them. */
export const changed = {
  alarmEmail: "ops@example.com",
  passwordSignIn: "true",
  logLevel: "DEBUG",
  isRemovable: "true",
  adoptRetained: "true",
  signingKeyVersion: "2",
  maxActiveSessions: "400",
};
