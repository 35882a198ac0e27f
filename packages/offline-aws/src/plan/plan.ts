import * as v from "valibot";
import type { TableDefinition } from "../dynamodb/index.js";
import type { WebSocketApi } from "../gateway/api.js";
import { type Graph, ofType } from "../synth/graph.js";
import { functionOf, type PlannedFunction } from "./function.js";
import { tableOf } from "./table.js";
import { mappingOf, type PlannedMapping, type Schedule, scheduleOf } from "./trigger.js";
import { appClientOf, type PlannedAppClient, type UserPool, userPoolOf } from "./user-pool.js";
import { webSocketApiOf } from "./web-socket-api.js";

/** The resources of a graph that run on this machine. */
export interface Plan {
  readonly region: string;
  readonly tables: readonly TableDefinition[];
  readonly functions: readonly PlannedFunction[];
  readonly webSocketApi: WebSocketApi | undefined;
  readonly mappings: readonly PlannedMapping[];
  readonly schedules: readonly Schedule[];
  readonly userPools: readonly UserPool[];
  readonly appClients: readonly PlannedAppClient[];
  /** Names of log groups. */
  readonly logGroups: readonly string[];
}

/**
 * Reads a graph.
 * @throws {UserError} naming a resource that cannot run here, and why
 */
export const plan = (graph: Graph): Plan => {
  const region = regionOf(graph);
  return {
    region,
    tables: ofType(graph, "aws:dynamodb/table:Table").map((table) => tableOf(table, region)),
    functions: ofType(graph, "aws:lambda/function:Function").map((fn) => functionOf(graph, fn, region)),
    webSocketApi: webSocketApiOf(graph, region),
    mappings: ofType(graph, "aws:lambda/eventSourceMapping:EventSourceMapping").map((mapping) =>
      mappingOf(mapping, region),
    ),
    schedules: ofType(graph, "aws:cloudwatch/eventTarget:EventTarget").map((target) =>
      scheduleOf(graph, target),
    ),
    userPools: ofType(graph, "aws:cognito/userPool:UserPool").map((pool) => userPoolOf(pool, region)),
    appClients: ofType(graph, "aws:cognito/userPoolClient:UserPoolClient").map(appClientOf),
    logGroups: ofType(graph, "aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => String(inputs.name)),
  };
};

const regionOf = ({ app }: Graph): string => {
  const parsed = v.safeParse(v.object({ aws: v.object({ region: v.string() }) }), app.providers);
  return parsed.success ? parsed.output.aws.region : "us-east-1";
};
