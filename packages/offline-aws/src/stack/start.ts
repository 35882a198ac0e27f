import path from "node:path";
import { StackClock, withoutAlarms } from "../clock.js";
import { startDynamoDb } from "../dynamodb/index.js";
import type { RunningMapping } from "../event-source/index.js";
import { createGateway } from "../gateway/gateway.js";
import { createAuthorize } from "../iam.js";
import { loadIssuer } from "../issuer.js";
import { BuildFailure } from "../lambda/bundle.js";
import { createDirectoryWatcher } from "../lambda/directory-watcher.js";
import { startLambda } from "../lambda/lambda.js";
import { plan } from "../plan/plan.js";
import { sayIfSlow } from "../say-if-slow.js";
import { listen } from "../server.js";
import { accountId } from "../synth/cloud.js";
import { synth } from "../synth/synth.js";
import { UserError } from "../user-error.js";
import { createAccessKeys, environmentsFor } from "./environment.js";
import { type Parts, requestListener } from "./http.js";
import { observe } from "./observation.js";
import type { Observer, Stack, StackOptions } from "./stack.js";
import { every, startMappings, startSchedules } from "./trigger.js";

const sweepMs = 60_000;

/**
 * Evaluates the program of `root` and runs what it declares on this machine.
 * @throws {UserError} for a taken port, a wrong setting, or code that does not build
 * @throws the signal's reason when the start is aborted
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, stage = "local", port = 0, engine = "dynalite", observer = {}, signal } = options;
  const { say } = observer;
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of undo.splice(0).reverse()) await end();
  };
  try {
    // Both ports first: a taken one is reported before the program is evaluated.
    const local = await listen(port);
    undo.push(local.close);
    const dynamodbServer = await listen(port === 0 ? 0 : port + 1);
    undo.push(dynamodbServer.close);
    const httpUrl = `http://127.0.0.1:${local.port}`;
    const { settings = {} } = options;
    const graph = options.graph ?? (await synth({ root, stage, settings, signal, ...(say ? { say } : {}) }));
    const planned = plan(graph);
    const clock = new StackClock();
    undo.push(() => clock.close());
    const keys = createAccessKeys(planned);
    const observation = observe(graph, planned, clock, observer, (accessKeyId = "") =>
      keys.functions.get(accessKeyId),
    );
    undo.push(observation.cloudWatch.close);
    const authorize = createAuthorize(keys.principals);

    const startingDynamoDb = startDynamoDb({
      engine,
      port: dynamodbServer,
      region: planned.region,
      accountId,
      clock,
      authorize,
      tables: planned.tables,
      onRequest: observation.observer.onRequest,
    });
    const dynamodb = await sayIfSlow(say, `Starting DynamoDB on ${engine}`, startingDynamoDb);
    undo.push(dynamodb.close);

    const environmentOf = environmentsFor(planned, { httpUrl, dynamodbEndpoint: dynamodb.endpoint, keys });
    const bundling = startLambda({
      root,
      outDir: path.join(root, ".sst/offline"),
      functions: planned.functions.map((fn) => ({ ...fn, environment: environmentOf(fn) })),
      clock,
      watch: options.watch ?? false,
      inspect: options.inspect ?? false,
      onLog: observation.observer.onLog,
      onInvocation: observation.observer.onInvocation,
      ...(observer.onReload ? { onReload: observer.onReload } : {}),
    }).catch((error: unknown) => {
      throw error instanceof BuildFailure ? new UserError(error.message) : error;
    });
    const lambda = await sayIfSlow(say, "Bundling the functions", bundling);
    undo.push(lambda.close);

    const api = planned.webSocketApi;
    const gateway =
      api &&
      createGateway({
        api,
        invoke: lambda.invoke,
        authorize,
        // The gateway uses its clock for time limits alone.
        clock: options.inspect ? withoutAlarms(clock) : clock,
        onEvent: observation.observer.onGatewayEvent,
        quotas: options.quotas ?? false,
      });
    if (gateway) {
      undo.push(gateway.close);
      local.server.on("upgrade", gateway.handleUpgrade);
    }
    const parts: Parts = {
      graph,
      planned,
      clock,
      observation,
      issuer: await loadIssuer(root),
      tokenService: { available: true },
      keys,
      authorize,
      dynamodb,
      lambda,
      gateway,
      endpoints: {
        webSocketUrl: api ? `ws://127.0.0.1:${local.port}/${api.stageName}` : "",
        httpUrl,
        dynamodbEndpoint: dynamodb.endpoint,
      },
    };
    local.serve(requestListener(parts));

    const mappings = startMappings(parts);
    undo.push(() => Promise.all(mappings.map((mapping) => mapping.close())));
    if (options.schedules ?? true) {
      // A new rule invokes its function at once, and then at its rate.
      for (const { functionName, input } of planned.schedules) void lambda.invoke(functionName, input);
      undo.push(startSchedules(planned.schedules, { clock, invoke: lambda.invoke }));
      undo.push(every(clock, sweepMs, () => void dynamodb.sweep()));
    }
    if (options.watch) undo.push(watchProgram(root, graph.sources, observer));
    return facadeOf(parts, stage, mappings, stop);
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Reports changes of the infrastructure program: a running stack does not apply them. */
const watchProgram = (root: string, sources: readonly string[], observer: Observer): (() => void) => {
  const files = new Set(sources);
  const watcher = createDirectoryWatcher((file) => {
    if (file && files.has(file)) observer.onProgramChange?.(path.relative(root, file));
  });
  watcher.set(new Set(sources.map((file) => path.dirname(file))), Date.now());
  return watcher.close;
};

/** The started stack as callers see it. */
const facadeOf = (
  parts: Parts,
  stage: string,
  mappings: readonly RunningMapping[],
  stop: Stack["stop"],
): Stack => {
  const { graph, planned, clock, observation, issuer, keys, dynamodb, lambda, gateway } = parts;
  const { cloudWatch, purgeFailures } = observation;
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
