import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import path from "node:path";
import { StackClock, withoutAlarms } from "./clock.js";
import type { CloudWatch } from "./cloudwatch/index.js";
import { type DynamoDb, type RequestRecord, startDynamoDb } from "./dynamodb/index.js";
import { type RunningMapping, startMapping } from "./event-source/index.js";
import type { MappingEvent } from "./event-source/mapping.js";
import type { GatewayEvent } from "./gateway/api.js";
import { createGateway, type Gateway } from "./gateway/gateway.js";
import { type Authorize, createAuthorize, type Principal } from "./iam.js";
import { type Issuer, loadIssuer, type TokenRequest } from "./issuer.js";
import { BuildFailure } from "./lambda/build-failure.js";
import { createDirectoryWatcher } from "./lambda/directory-watcher.js";
import type { Invoke } from "./lambda/invocation.js";
import { type Lambda, startLambda } from "./lambda/lambda.js";
import type { ReloadEvent } from "./lambda/reload.js";
import type { LogLine } from "./lambda/scheduler.js";
import { type Observation, observe } from "./observation.js";
import { type Plan, type PlannedFunction, plan } from "./plan.js";
import { sayIfSlow } from "./say-if-slow.js";
import { every, startSchedules } from "./schedule.js";
import { listen } from "./server.js";
import {
  answering,
  cognitoService,
  lambdaService,
  logsService,
  type Service,
  stsService,
} from "./service/index.js";
import { createStatusPage, createStatusState } from "./status/index.js";
import { accountId } from "./synth/cloud.js";
import type { Graph } from "./synth/graph.js";
import { synth } from "./synth/synth.js";
import type { ObservedInvocation } from "./uneventful.js";
import { UserError } from "./user-error.js";

export type Engine = "dynalite" | "dynamodb-local";

export interface StackOptions {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  /** Default `local`. */
  readonly stage?: string;
  /** Settings for the program, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The gateway's port; DynamoDB gets the next one. 0, the default, takes any two free ones. */
  readonly port?: number;
  /** Default `dynalite`. */
  readonly engine?: Engine;
  /** Whether the account's quota of new connections holds. Default false. */
  readonly quotas?: boolean;
  /** Whether edits of the functions' sources take effect. Default false. */
  readonly watch?: boolean;
  /** True while a debugger may pause functions: no time limits, and one environment for each function. Default false. */
  readonly inspect?: boolean;
  /** Whether schedules run and expired rows are removed by themselves. Default true. */
  readonly schedules?: boolean;
  /** A graph that was evaluated before, instead of evaluating the program now. */
  readonly graph?: Graph;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
  readonly observer?: Observer;
}

/** What somebody who watches the stack is told. */
export interface Observer {
  say?(line: string): void;
  onInvocation?(record: ObservedInvocation): void;
  onLog?(line: LogLine): void;
  onReload?(event: ReloadEvent): void;
  /** A file of the infrastructure program was saved: what runs is still the old one. Once per save or more. */
  onProgramChange?(file: string): void;
  onGatewayEvent?(event: GatewayEvent): void;
  onRequest?(record: RequestRecord): void;
  /** An alarm changed its state. */
  onAlarm?(change: {
    readonly from: string;
    readonly name: string;
    readonly state: string;
    readonly reason: string;
  }): void;
  /** A message that SNS would have sent. */
  onNotification?(notification: { readonly topicArn: string; readonly subject: string }): void;
  /** A stream record that a function gave up on, as its queue gets it. */
  onFailureDelivered?(destinationArn: string, body: unknown): void;
}

/** A running offline AWS. */
export interface Stack {
  /** `ws://127.0.0.1:4000/prod`; empty where the program declares no WebSocket API. */
  readonly webSocketUrl: string;
  /** `http://127.0.0.1:4000` */
  readonly httpUrl: string;
  /** `http://127.0.0.1:4001` */
  readonly dynamodbEndpoint: string;
  readonly region: string;
  /** Physical names by logical name: `{Sessions: "Sessions-local"}`. */
  readonly tables: Readonly<Record<string, string>>;
  readonly outputs: Graph["outputs"];
  readonly clock: StackClock;
  readonly invoke: Invoke;
  /** Ends a function's environments in the middle of what they do. */
  readonly kill: Lambda["kill"];
  /** Has a function's next invocations throttled, as if the account's concurrency were used up. */
  readonly throttle: Lambda["throttle"];
  readonly faults: DynamoDb["faults"];
  /** Whether the user pool's keys are served; false to inject that fault. */
  readonly tokenService: { available: boolean };
  readonly connectionCount: () => number;
  /** The program's alarms as they stand. They are evaluated every minute; `evaluateAlarms` does so now. */
  readonly alarms: CloudWatch["alarms"];
  readonly evaluateAlarms: CloudWatch["evaluate"];
  /** What the alarms' topics would have sent. */
  readonly notifications: CloudWatch["notifications"];
  /** Empties the queues of what stream functions gave up on, as an operator does with `aws sqs purge-queue`. */
  readonly purgeFailures: () => void;
  /** Which function signs with an access key, as `onRequest` shows it; undefined: an operator. */
  readonly functionOf: (accessKeyId: string | undefined) => string | undefined;
  /** Whether the program declares a user pool with an app client: else there is nobody to sign for. */
  readonly hasUserPool: boolean;
  /** A token of the program's app client. */
  token(request: Omit<TokenRequest, "now">): string;
  /** Removes what has expired, as DynamoDB's TTL does some time. Returns how many rows. */
  sweep(): Promise<number>;
  /** Resolves once no invocation runs and every stream record has been handled. */
  idle(): Promise<void>;
  /** Closes every socket and ends everything. */
  stop(): Promise<void>;
}

const sweepMs = 60_000;

/**
 * Evaluates the program and runs what it declares on this machine.
 * @throws {UserError} for what the person at the keyboard can mend: a taken port, a wrong setting, code that does not build
 * @throws {Error} when the start is given up
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, stage = "local", port = 0, engine = "dynalite", observer: watcher = {}, signal } = options;
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of undo.splice(0).reverse()) await end();
  };
  try {
    // Both before the program is evaluated: whether a port is free need not be waited for.
    const local = await listen(port);
    undo.push(local.close);
    const dynamodbServer = await listen(port === 0 ? 0 : port + 1);
    undo.push(dynamodbServer.close);
    const httpUrl = `http://127.0.0.1:${local.port}`;
    const { settings = {} } = options;
    const graph =
      options.graph ??
      (await synth({ root, stage, settings, signal, ...(watcher.say ? { say: watcher.say } : {}) }));
    const planned = plan(graph);
    const clock = new StackClock();
    undo.push(() => clock.close());
    const keys = accessKeys(planned);
    const functionOf = (accessKeyId = "") => keys.functions.get(accessKeyId);
    const watched = observe(graph, planned, clock, watcher, functionOf);
    const { cloudWatch, observer, onMappingEvent } = watched;
    undo.push(cloudWatch.close);
    const issuer = await loadIssuer(root);
    const tokenService = { available: true };
    const authorize = createAuthorize(keys.principals);

    const startingDynamoDb = startDynamoDb({
      engine,
      port: dynamodbServer,
      region: planned.region,
      accountId,
      clock,
      authorize,
      tables: planned.tables,
      onRequest: observer.onRequest,
    });
    const dynamodb = await sayIfSlow(watcher.say, `Starting DynamoDB on ${engine}`, startingDynamoDb);
    undo.push(dynamodb.close);

    const environmentOf = environments(planned, { httpUrl, dynamodbEndpoint: dynamodb.endpoint, keys });
    const bundling = startLambda({
      root,
      outDir: path.join(root, ".sst/offline"),
      functions: planned.functions.map((fn) => ({ ...fn, environment: environmentOf(fn) })),
      clock,
      watch: options.watch ?? false,
      inspect: options.inspect ?? false,
      onLog: observer.onLog,
      onInvocation: observer.onInvocation,
      ...(watcher.onReload ? { onReload: watcher.onReload } : {}),
    }).catch((error: unknown) => {
      throw error instanceof BuildFailure ? new UserError(error.message) : error;
    });
    const lambda = await sayIfSlow(watcher.say, "Bundling the functions", bundling);
    undo.push(lambda.close);

    const gateway =
      planned.webSocketApi &&
      createGateway({
        api: planned.webSocketApi,
        invoke: lambda.invoke,
        authorize,
        // The gateway waits for its own time limits only.
        clock: options.inspect ? withoutAlarms(clock) : clock,
        onEvent: observer.onGatewayEvent,
        quotas: options.quotas ?? false,
      });
    if (gateway) {
      undo.push(gateway.close);
      local.server.on("upgrade", gateway.handleUpgrade);
    }
    const endpoints = {
      webSocketUrl: planned.webSocketApi
        ? `ws://127.0.0.1:${local.port}/${planned.webSocketApi.stageName}`
        : "",
      httpUrl,
      dynamodbEndpoint: dynamodb.endpoint,
    };
    const parts = {
      graph,
      planned,
      clock,
      watched,
      issuer,
      tokenService,
      keys,
      authorize,
      dynamodb,
      lambda,
      gateway,
      endpoints,
    };
    local.serve(requestListener(parts));

    const mappings = startMappings(planned, {
      lambda,
      dynamodb,
      clock,
      authorize,
      keys,
      onEvent: onMappingEvent,
      deliverFailure: observer.onFailureDelivered,
    });
    undo.push(() => Promise.all(mappings.map((mapping) => mapping.close())));
    if (options.schedules ?? true) {
      // A new rule runs at once, and then at its rate.
      for (const { functionName, input } of planned.schedules) void lambda.invoke(functionName, input);
      undo.push(startSchedules(planned.schedules, { clock, invoke: lambda.invoke }));
      undo.push(every(clock, sweepMs, () => void dynamodb.sweep()));
    }

    if (options.watch) undo.push(watchProgram(root, graph.sources, watcher));

    return facade({ ...parts, stage, mappings, stop });
  } catch (error) {
    await stop();
    throw error;
  }
};

/** What a started stack is made of. */
interface Parts {
  readonly graph: Graph;
  readonly planned: Plan;
  readonly clock: StackClock;
  readonly watched: Observation;
  readonly issuer: Issuer;
  readonly tokenService: Stack["tokenService"];
  readonly keys: AccessKeys;
  readonly authorize: Authorize;
  readonly dynamodb: DynamoDb;
  readonly lambda: Lambda;
  readonly gateway: Gateway | undefined;
  readonly endpoints: Pick<Stack, "webSocketUrl" | "httpUrl" | "dynamodbEndpoint">;
}

/** Answers what comes over HTTP: the status page, `@connections`, the pool's keys, and the other services. */
const requestListener = (parts: Parts): RequestListener => {
  const { planned, clock, watched, issuer, tokenService, keys, authorize, lambda, gateway } = parts;
  const { functionOutput, logs } = watched;
  const page = statusPage(parts);
  const services = [
    lambdaService({
      plan: planned,
      invoke: lambda.invoke,
      invokeFor: (accessKeyId) => {
        const caller = keys.functions.get(accessKeyId ?? "");
        return caller === undefined ? lambda.invoke : lambda.invokeFrom(caller);
      },
      authorize,
      reportOf: functionOutput.reportOf,
    }),
    cognitoService({ plan: planned, issuer, clock, authorize }),
    logsService({ plan: planned, logs, authorize }),
    stsService(keys),
  ];
  const answer = answering(services);
  return (request, response) => {
    if (page.handleRequest(request, response)) return;
    if (gateway?.handleRequest(request, response)) return;
    if (isJwksRequest(request) && tokenService.available) return json(response, 200, issuer.jwks);
    if (!answer(request, response)) notHere(request, response, services);
  };
};

const statusPage = ({ graph, planned, clock, watched, dynamodb, gateway, endpoints }: Parts) => {
  const { webSocketUrl, httpUrl, dynamodbEndpoint } = endpoints;
  return createStatusPage({
    state: createStatusState({
      graph,
      region: planned.region,
      now: () => clock.now(),
      endpoints: [
        ...(webSocketUrl ? [{ label: "WebSocket", url: webSocketUrl }] : []),
        { label: "HTTP", url: httpUrl },
        { label: "DynamoDB", url: dynamodbEndpoint },
      ],
      connectionCount: () => gateway?.connectionCount() ?? 0,
      recorder: watched.recorder,
      cloudWatch: watched.cloudWatch,
      tables: planned.tables,
      items: dynamodb.items,
    }),
  });
};

const facade = (
  parts: Parts & {
    readonly stage: string;
    readonly mappings: readonly RunningMapping[];
    readonly stop: Stack["stop"];
  },
): Stack => {
  const { graph, planned, clock, watched, issuer, tokenService, keys, dynamodb, lambda, gateway } = parts;
  const { cloudWatch, purgeFailures } = watched;
  const [client] = planned.appClients;
  return {
    ...parts.endpoints,
    region: planned.region,
    tables: Object.fromEntries(planned.tables.map(({ name }) => [logicalName(name, parts.stage), name])),
    outputs: graph.outputs,
    clock,
    invoke: lambda.invoke,
    kill: lambda.kill,
    throttle: lambda.throttle,
    faults: dynamodb.faults,
    tokenService,
    connectionCount: () => gateway?.connectionCount() ?? 0,
    alarms: cloudWatch.alarms,
    evaluateAlarms: cloudWatch.evaluate,
    notifications: cloudWatch.notifications,
    purgeFailures,
    functionOf: (accessKeyId) => keys.functions.get(accessKeyId ?? ""),
    hasUserPool: client !== undefined,
    token: (request) => {
      if (!client)
        throw new UserError("The program declares no user pool of its own, so there is nobody to sign for.");
      return issuer.token(client, { ...request, now: clock.now() });
    },
    sweep: dynamodb.sweep,
    idle: async () => {
      // A function that ends may have written what a mapping then takes up, and the other way round.
      for (let round = 0; round < 2; round += 1) {
        await lambda.idle();
        await Promise.all(parts.mappings.map((mapping) => mapping.idle()));
      }
    },
    stop: parts.stop,
  };
};

/** The infrastructure is not changed under a running stack: whoever changes it is told what to do. */
const watchProgram = (root: string, sources: readonly string[], observer: Observer): (() => void) => {
  const files = new Set(sources);
  const watcher = createDirectoryWatcher((file) => {
    if (!file || !files.has(file)) return;
    observer.onProgramChange?.(path.relative(root, file));
  });
  watcher.set(new Set(sources.map((file) => path.dirname(file))), Date.now());
  return watcher.close;
};

const logicalName = (name: string, stage: string): string =>
  name.endsWith(`-${stage}`) ? name.slice(0, -stage.length - 1) : name;

interface AccessKeys {
  readonly byFunction: ReadonlyMap<string, string>;
  readonly functions: ReadonlyMap<string, string>;
  readonly principals: ReadonlyMap<string, Principal>;
}

/** Each function signs with a key of its own, which stands for its role. */
const accessKeys = ({ functions }: Plan): AccessKeys => {
  const keyed = functions.map((fn) => ({ fn, id: `ASIA${randomBytes(8).toString("hex").toUpperCase()}` }));
  return {
    byFunction: new Map(keyed.map(({ fn, id }) => [fn.name, id])),
    functions: new Map(keyed.map(({ fn, id }) => [id, fn.name])),
    principals: new Map(
      keyed.map(({ fn, id }) => [
        id,
        {
          arn: `arn:aws:sts::${accountId}:assumed-role/${fn.roleName}/${fn.name}`,
          statements: fn.statements,
        },
      ]),
    ),
  };
};

/** What a function finds in its environment: its own variables, its links, its credentials, and where AWS is. */
const environments =
  (
    { region, webSocketApi }: Plan,
    where: { readonly httpUrl: string; readonly dynamodbEndpoint: string; readonly keys: AccessKeys },
  ) =>
  (fn: PlannedFunction): Record<string, string> => {
    const host = `${webSocketApi?.apiId}.execute-api.${region}.amazonaws.com`;
    const here = (value: string) =>
      value
        .replaceAll(`https://${host}`, where.httpUrl)
        .replaceAll(`wss://${host}`, where.httpUrl.replace("http:", "ws:"));
    const links = Object.entries(fn.links).map(([name, link]) => [
      `SST_RESOURCE_${name}`,
      JSON.stringify(link),
    ]);
    const variables = { ...fn.environment, ...Object.fromEntries(links) };
    return {
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, here(String(value))])),
      ...(fn.applicationLogLevel ? { AWS_LAMBDA_LOG_LEVEL: fn.applicationLogLevel } : {}),
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: where.keys.byFunction.get(fn.name) ?? "",
      AWS_SECRET_ACCESS_KEY: "offline",
      AWS_SESSION_TOKEN: "offline",
      AWS_ENDPOINT_URL: where.httpUrl,
      AWS_ENDPOINT_URL_DYNAMODB: where.dynamodbEndpoint,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: where.httpUrl,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    };
  };

/** What AWS asks of a role before it makes a mapping from a stream. */
const streamActions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];

const startMappings = (
  { mappings }: Plan,
  {
    lambda,
    dynamodb,
    clock,
    authorize,
    keys,
    onEvent,
    deliverFailure,
  }: {
    lambda: Lambda;
    dynamodb: DynamoDb;
    clock: StackClock;
    authorize: Authorize;
    keys: AccessKeys;
    onEvent: (functionName: string, event: MappingEvent) => void;
    deliverFailure: (destinationArn: string, body: unknown) => void;
  },
): RunningMapping[] =>
  mappings.map(({ streamArn, ...mapping }) => {
    const stream = dynamodb.streams.get(streamArn);
    if (!stream)
      throw new UserError(`Mapping ${mapping.id} reads ${streamArn}, but that table has no stream.`);
    const accessKeyId = keys.byFunction.get(mapping.functionName);
    for (const action of streamActions) {
      const access = authorize({ accessKeyId, action: `dynamodb:${action}`, resource: streamArn });
      if (!access.allowed) throw new UserError(`Mapping ${mapping.id} cannot be made. ${access.message}.`);
    }
    return startMapping(
      { ...mapping, stream },
      {
        invoke: lambda.invoke,
        clock,
        deliverFailure,
        onEvent: (event) => onEvent(mapping.functionName, event),
      },
    );
  });

const isJwksRequest = ({ url = "" }: IncomingMessage): boolean =>
  /^\/[^/]+\/\.well-known\/jwks\.json$/.test(url);

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

/** Any call of a service that is not here is answered with a sentence, in the form that the SDKs show. */
const notHere = (request: IncomingMessage, response: ServerResponse, services: readonly Service[]): void => {
  const scope = request.headers.authorization?.match(/Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//)?.[1];
  const target = request.headers["x-amz-target"];
  const call = target ?? `${request.method} ${request.url}`;
  const what = scope ? `${call} of the AWS service ${scope}` : call;
  const operations = services.map(({ name, operations }) => `${name} (${operations.join(", ")})`);
  response.setHeader("x-amzn-errortype", "NotAvailableOfflineException");
  json(response, scope ? 501 : 404, {
    __type: "NotAvailableOfflineException",
    message: `${what} is not part of the local stack: it has API Gateway WebSocket APIs, DynamoDB, ${new Intl.ListFormat("en-GB").format(operations)}.`,
  });
};
