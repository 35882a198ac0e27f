import type { RunningMapping } from "../event-source/index.js";
import { UserError } from "../user-error.js";
import type { Parts } from "./http.js";
import type { Stack } from "./stack.js";

/** What callers see of a started stack. */
export const createFacade = (
  parts: Parts,
  running: {
    readonly stage: string;
    readonly mappings: readonly RunningMapping[];
    readonly stop: Stack["stop"];
  },
): Stack => {
  const { graph, planned, clock, observation, issuer, keys, dynamodb, lambda, gateway } = parts;
  const { cloudWatch, purgeFailures } = observation;
  const { stage, mappings, stop } = running;
  const [client] = planned.appClients;
  return {
    ...parts.endpoints,
    region: planned.region,
    tables: Object.fromEntries(planned.tables.map(({ name }) => [withoutStage(name, stage), name])),
    outputs: graph.outputs,
    clock,
    invoke: lambda.invoke,
    kill: lambda.kill,
    throttle: lambda.throttle,
    faults: dynamodb.faults,
    tokenService: parts.tokenService,
    connectionCount: () => gateway?.connectionCount() ?? 0,
    alarms: cloudWatch.alarms,
    evaluateAlarms: cloudWatch.evaluate,
    notifications: cloudWatch.notifications,
    purgeFailures,
    functionOf: (accessKeyId) => keys.functions.get(accessKeyId ?? ""),
    hasUserPool: client !== undefined,
    token: (request) => {
      if (!client) throw new UserError("The program declares no user pool, so no token can be signed.");
      return issuer.token(client, { ...request, now: clock.now() });
    },
    sweep: dynamodb.sweep,
    idle: async () => {
      // Twice: a function that returns may have written a stream record, and a record may invoke a function.
      for (let round = 0; round < 2; round += 1) {
        await lambda.idle();
        await Promise.all(mappings.map((mapping) => mapping.idle()));
      }
    },
    stop,
  };
};

const withoutStage = (name: string, stage: string): string =>
  name.endsWith(`-${stage}`) ? name.slice(0, -stage.length - 1) : name;
