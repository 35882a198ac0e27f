import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Graph, ofType, type Resource, synth } from "offline-aws";
import { vi } from "vitest";
import { projectOnlyVariable, type StageSettings } from "./config";

const root = path.resolve(import.meta.dirname, "..");

const evaluated = new Map<string, Promise<Graph>>();

/** Evaluates the real program for a stage, as a deployment would; once in each test file. */
export const graphOf = (stage: string, settings: Record<string, string> = {}): Promise<Graph> => {
  const key = JSON.stringify([stage, settings]);
  const graph = evaluated.get(key) ?? synth({ root, stage, settings });
  evaluated.set(key, graph);
  return graph;
};

/** Evaluates the program as somebody has it who wrote this into `deployments` of `infra/config.ts`. */
export const graphWith = async (
  stage: string,
  deployments: Readonly<Record<string, Partial<StageSettings>>>,
): Promise<Graph> => {
  const copy = await mkdtemp(path.join(tmpdir(), "lectern-infra-"));
  try {
    await mkdir(path.join(copy, ".sst"));
    for (const there of ["node_modules", "packages", ".sst/platform"]) {
      await symlink(path.join(root, there), path.join(copy, there));
    }
    for (const own of ["sst.config.ts", "infra"]) {
      await cp(path.join(root, own), path.join(copy, own), { recursive: true });
    }
    const file = path.join(copy, "infra/config.ts");
    const source = await readFile(file, "utf8");
    const none = /(?<=^const deployments: .+ = )\{\}(?=;$)/m;
    if (!none.test(source)) throw new Error("There are deployments in infra/config.ts already");
    await writeFile(file, source.replace(none, JSON.stringify(deployments)));
    vi.stubEnv(projectOnlyVariable, undefined);
    return await synth({ root: copy, stage });
  } finally {
    vi.unstubAllEnvs();
    await rm(copy, { recursive: true });
  }
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
