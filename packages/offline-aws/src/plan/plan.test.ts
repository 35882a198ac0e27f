import { describe, expect, test } from "vitest";
import type { FunctionBuild, Graph, JsonObject, Resource } from "../synth/graph.js";
import { UserError } from "../user-error.js";
import { statementsOf } from "./function.js";
import { plan } from "./plan.js";

const graph = (
  resources: readonly Resource[],
  { functions = [], providers = {} }: { functions?: readonly FunctionBuild[]; providers?: JsonObject } = {},
): Graph => ({
  app: { name: "fixture", stage: "dev", removal: "remove", protect: false, providers },
  resources,
  functions,
  outputs: {},
  sources: [],
});

const resource = (type: string, id: string, inputs: JsonObject): Resource => ({ type, name: id, id, inputs });

const functionArn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const uriOf = (name: string) =>
  `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${functionArn(name)}/invocations`;

const api = (id = "api1") =>
  resource("aws:apigatewayv2/api:Api", id, {
    name: id,
    protocolType: "WEBSOCKET",
    routeSelectionExpression: "$request.body.action",
  });
const stage = (inputs: JsonObject = {}) =>
  resource("aws:apigatewayv2/stage:Stage", "stage1", { apiId: "api1", name: "prod", ...inputs });
const integration = (fn: string) =>
  resource("aws:apigatewayv2/integration:Integration", `to-${fn}`, { integrationUri: uriOf(fn) });
const route = (routeKey: string, fn: string, inputs: JsonObject = {}) =>
  resource("aws:apigatewayv2/route:Route", `route-${routeKey}`, {
    apiId: "api1",
    routeKey,
    target: `integrations/to-${fn}`,
    ...inputs,
  });
const permission = (fn: string, principal = "apigateway.amazonaws.com") =>
  resource("aws:lambda/permission:Permission", `may-${fn}`, { principal, function: functionArn(fn) });

describe("routes", () => {
  const routesOf = (...resources: Resource[]) =>
    plan(graph([api(), stage(), ...resources])).webSocketApi?.routes;

  test("lead to their functions", () => {
    expect(routesOf(route("ping", "pong"), integration("pong"), permission("pong"))).toEqual([
      { routeKey: "ping", functionName: "pong", routeResponse: false },
    ]);
  });

  test("lead nowhere without a permission to invoke", () => {
    expect(routesOf(route("ping", "pong"), integration("pong"))).toMatchObject([{ functionName: undefined }]);
    expect(
      routesOf(route("ping", "pong"), integration("pong"), permission("pong", "events.amazonaws.com")),
    ).toMatchObject([{ functionName: undefined }]);
  });

  test("lead nowhere without an integration", () => {
    expect(routesOf(route("ping", "pong"), permission("pong"))).toMatchObject([{ functionName: undefined }]);
  });

  test("of another API are left out", () => {
    expect(routesOf(route("ping", "pong", { apiId: "http1" }))).toEqual([]);
  });

  test("answer only with both halves of a route response", () => {
    const response = resource("aws:apigatewayv2/routeResponse:RouteResponse", "response1", {
      routeId: "route-ping",
      routeResponseKey: "$default",
    });
    const selecting = { routeResponseSelectionExpression: "$default" };
    expect(routesOf(route("ping", "pong", selecting))).toMatchObject([{ routeResponse: false }]);
    expect(routesOf(route("ping", "pong"), response)).toMatchObject([{ routeResponse: false }]);
    expect(routesOf(route("ping", "pong", selecting), response)).toMatchObject([{ routeResponse: true }]);
  });

  test("ask their authorizer if they have one", () => {
    const authorizer = resource("aws:apigatewayv2/authorizer:Authorizer", "auth1", {
      authorizerUri: uriOf("gate"),
      identitySources: ["route.request.querystring.token"],
    });
    const guarded = { authorizationType: "CUSTOM", authorizerId: "auth1" };
    expect(routesOf(route("$connect", "pong", guarded), authorizer, permission("gate"))).toMatchObject([
      { authorizer: { functionName: "gate", identitySources: ["route.request.querystring.token"] } },
    ]);
    expect(
      routesOf(route("$connect", "pong", { authorizerId: "auth1" }), authorizer)?.[0],
    ).not.toHaveProperty("authorizer");
  });
});

describe("the WebSocket API", () => {
  test("may be missing", () => {
    expect(plan(graph([])).webSocketApi).toBeUndefined();
  });

  test("must be the only one: a second is refused with a sentence", () => {
    expect(() => plan(graph([api("api1"), api("api2"), stage()]))).toThrow(
      new UserError("The local stack runs one WebSocket API, and the program declares more."),
    );
  });

  test("needs a stage", () => {
    expect(() => plan(graph([api()]))).toThrow(new UserError("The WebSocket API api1 has no stage."));
  });

  test("throttles a route by the stage's settings for it, and at zero if they name no limit", () => {
    const routeSettings = [
      { routeKey: "ping", throttlingBurstLimit: 5, throttlingRateLimit: 2 },
      { routeKey: "pong", detailedMetricsEnabled: true },
    ];
    const routes = [route("ping", "fn"), route("pong", "fn"), route("other", "fn")];
    const planned = plan(graph([api(), stage({ routeSettings }), ...routes])).webSocketApi;
    expect(planned?.throttle).toEqual({});
    expect(planned?.routes.map(({ throttle }) => throttle)).toEqual([
      { burstLimit: 5, rateLimit: 2 },
      { burstLimit: 0, rateLimit: 0 },
      undefined,
    ]);
  });

  test("is throttled at zero, as AWS does, by route settings that name no limit", () => {
    const throttleOf = (inputs: JsonObject) => plan(graph([api(), stage(inputs)])).webSocketApi?.throttle;
    expect(throttleOf({})).toEqual({});
    expect(throttleOf({ defaultRouteSettings: {} })).toEqual({ burstLimit: 0, rateLimit: 0 });
    expect(
      throttleOf({ defaultRouteSettings: { throttlingBurstLimit: 5, throttlingRateLimit: 10 } }),
    ).toEqual({ burstLimit: 5, rateLimit: 10 });
  });
});

describe("schedules", () => {
  const scheduled = (scheduleExpression: string, inputs: JsonObject = {}) =>
    plan(
      graph([
        resource("aws:cloudwatch/eventRule:EventRule", "rule1", { scheduleExpression }),
        resource("aws:cloudwatch/eventTarget:EventTarget", "Reap", {
          rule: "rule1",
          arn: functionArn("reaper"),
          ...inputs,
        }),
      ]),
    ).schedules;

  test.each([
    ["rate(1 minute)", 60_000],
    ["rate(5 minutes)", 300_000],
    ["rate(1 hour)", 3_600_000],
    ["rate(2 days)", 172_800_000],
  ])("at %s have a period", (expression, periodMs) => {
    expect(scheduled(expression)).toEqual([{ name: "Reap", functionName: "reaper", periodMs, input: {} }]);
  });

  test("pass their input on", () => {
    expect(scheduled("rate(1 minute)", { input: '{"a":1}' })).toMatchObject([{ input: { a: 1 } }]);
  });

  test("with an unsupported expression are refused with a sentence", () => {
    expect(() => scheduled("cron(0 12 * * ? *)")).toThrow(
      new UserError("Schedule Reap: the local stack runs functions at a rate, not cron(0 12 * * ? *)."),
    );
  });
});

describe("functions", () => {
  const fn = resource("aws:lambda/function:Function", "connect", {
    name: "connect",
    role: "arn:aws:iam::000000000000:role/connect-role",
    timeout: 10,
    memorySize: 128,
    runtime: "nodejs22.x",
    environment: { variables: { ENV: "dev", SST_KEY: "sealed", SST_KEY_FILE: "resource.enc" } },
  });
  const build = {
    functionID: "Connect",
    handler: "src/connect.handler",
    runtime: "nodejs22.x",
    links: { Key: { value: "k" } },
    properties: { minify: true },
  };
  const named = { ...fn, name: "ConnectFunction" };

  test("have their code, environment, links and role, but not the key to SST's encrypted links", () => {
    expect(plan(graph([named], { functions: [build] })).functions).toEqual([
      {
        name: "connect",
        arn: functionArn("connect"),
        handler: "src/connect.handler",
        environment: { ENV: "dev" },
        timeoutSeconds: 10,
        memoryMb: 128,
        runtime: "nodejs22.x",
        nodejs: { minify: true },
        roleName: "connect-role",
        statements: [],
        links: { Key: { value: "k" } },
        logGroup: "/aws/lambda/connect",
        logFormat: "Text",
      },
    ]);
  });

  test("log in the form and to the group that they declare", () => {
    const loggingConfig = { logFormat: "JSON", logGroup: "/fixture/all" };
    const logging = { ...named, inputs: { ...named.inputs, loggingConfig } };
    expect(plan(graph([logging], { functions: [build] })).functions).toMatchObject([loggingConfig]);
  });

  test("have a lowest log level in the JSON form only, INFO by default", () => {
    const levelOf = (loggingConfig: Record<string, string>) => {
      const logging = { ...named, inputs: { ...named.inputs, loggingConfig } };
      return plan(graph([logging], { functions: [build] })).functions[0]?.applicationLogLevel;
    };
    expect(levelOf({ logFormat: "JSON" })).toBe("INFO");
    expect(levelOf({ logFormat: "JSON", applicationLogLevel: "DEBUG" })).toBe("DEBUG");
    expect(levelOf({ logFormat: "Text" })).toBeUndefined();
  });

  test("without code that runs here are refused with a sentence", () => {
    expect(() => plan(graph([named]))).toThrow(
      new UserError("Function connect has no code that can be run here: its handler is not Node.js."),
    );
  });

  test("may do what their role's inline policies allow; an unknown role allows nothing", () => {
    const policy = JSON.stringify({
      Statement: [{ Effect: "Allow", Action: ["dynamodb:GetItem"], Resource: ["arn:t"] }],
    });
    const role = resource("aws:iam/role:Role", "r", {
      name: "connect-role",
      inlinePolicies: [{ policy }],
      managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"],
    });
    expect(statementsOf(graph([role]), "connect-role")).toEqual([
      { effect: "Allow", actions: ["dynamodb:GetItem"], resources: ["arn:t"] },
    ]);
    expect(statementsOf(graph([role]), "other-role")).toEqual([]);
  });
});

describe("tables", () => {
  const table = (inputs: JsonObject) =>
    plan(
      graph(
        [
          resource("aws:dynamodb/table:Table", "t", {
            name: "T",
            hashKey: "id",
            attributes: [{ name: "id", type: "S" }],
            ...inputs,
          }),
        ],
        { providers: { aws: { region: "eu-west-1" } } },
      ),
    ).tables[0];

  test("are in the program's region, with a stream and a TTL only if these are enabled", () => {
    expect(table({ ttl: { attributeName: "ttl", enabled: false } })).toEqual({
      name: "T",
      arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/T",
      hashKey: "id",
      attributes: [{ name: "id", type: "S" }],
      globalIndexes: [],
      stream: undefined,
      ttlAttribute: undefined,
    });
    expect(
      table({
        ttl: { attributeName: "ttl", enabled: true },
        streamEnabled: true,
        streamViewType: "KEYS_ONLY",
      }),
    ).toMatchObject({ ttlAttribute: "ttl", stream: { viewType: "KEYS_ONLY" } });
  });
});

describe("mappings", () => {
  test("without options have Lambda's defaults", () => {
    const [mapping] = plan(
      graph([
        resource("aws:lambda/eventSourceMapping:EventSourceMapping", "m", {
          eventSourceArn: "arn:stream",
          functionName: functionArn("welcome"),
          startingPosition: "LATEST",
        }),
      ]),
    ).mappings;
    expect(mapping).toEqual({
      id: "m",
      functionName: "welcome",
      functionArn: functionArn("welcome"),
      streamArn: "arn:stream",
      batchSize: 100,
      startingPosition: "LATEST",
      maximumBatchingWindowInSeconds: 0,
      filters: [],
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: -1,
      bisectBatchOnFunctionError: false,
      reportBatchItemFailures: false,
      parallelizationFactor: 1,
    });
  });
});

describe("user pools", () => {
  const poolOf = (inputs: JsonObject) =>
    plan(graph([resource("aws:cognito/userPool:UserPool", "us-east-1_Pool", inputs)])).userPools[0];

  test("without options have Cognito's defaults", () => {
    expect(poolOf({})).toEqual({
      id: "us-east-1_Pool",
      arn: "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Pool",
      emailAsUsername: false,
      caseSensitive: true,
      passwordPolicy: {
        minimumLength: 8,
        requireLowercase: true,
        requireUppercase: true,
        requireNumbers: true,
        requireSymbols: true,
      },
    });
  });

  test("may have a weaker password policy, and sign users in by address", () => {
    expect(
      poolOf({
        usernameAttributes: ["email"],
        usernameConfiguration: { caseSensitive: false },
        passwordPolicy: { minimumLength: 12, requireNumbers: true },
      }),
    ).toMatchObject({
      emailAsUsername: true,
      caseSensitive: false,
      passwordPolicy: { minimumLength: 12, requireNumbers: true, requireSymbols: false },
    });
  });
});

describe("app clients", () => {
  const clientOf = (inputs: JsonObject) =>
    plan(
      graph([
        resource("aws:cognito/userPoolClient:UserPoolClient", "client1", { userPoolId: "pool1", ...inputs }),
      ]),
    ).appClients[0];

  test("without options have Cognito's defaults", () => {
    expect(clientOf({})).toEqual({
      userPoolId: "pool1",
      clientId: "client1",
      explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"],
      preventUserExistenceErrors: false,
    });
  });

  test("allow the flows that they name", () => {
    expect(
      clientOf({ explicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH"], preventUserExistenceErrors: "ENABLED" }),
    ).toMatchObject({
      explicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH"],
      preventUserExistenceErrors: true,
    });
  });
});

test("log groups are listed by name", () => {
  const group = resource("aws:cloudwatch/logGroup:LogGroup", "g", { name: "/aws/lambda/connect" });
  expect(plan(graph([group])).logGroups).toEqual(["/aws/lambda/connect"]);
});

test("a program that names no region is in us-east-1", () => {
  expect(plan(graph([])).region).toBe("us-east-1");
  expect(plan(graph([], { providers: { aws: { region: "eu-west-1" } } })).region).toBe("eu-west-1");
});

describe("an input that cannot be read is refused with a sentence that names the resource", () => {
  test.each([
    [
      resource("aws:dynamodb/table:Table", "Orders", { name: "Orders", hashKey: "id", attributes: "id" }),
      /^Table Orders cannot be run here: attributes: /,
    ],
    [
      resource("aws:lambda/eventSourceMapping:EventSourceMapping", "OrdersToFn", { functionName: "fn" }),
      /^EventSourceMapping OrdersToFn cannot be run here: eventSourceArn: /,
    ],
    [
      resource("aws:cognito/userPoolClient:UserPoolClient", "App", { userPoolId: 1 }),
      /^UserPoolClient App cannot be run here: userPoolId: /,
    ],
  ])("%#", (broken, sentence) => {
    const planned = () => plan(graph([broken]));
    expect(planned).toThrow(UserError);
    expect(planned).toThrow(sentence);
  });

  test("a role's policy", () => {
    const role = (policy: string) =>
      graph([resource("aws:iam/role:Role", "FnRole", { name: "fn", inlinePolicies: [{ policy }] })]);
    for (const policy of ["{", '{"Statement":[{"Effect":"Maybe"}]}']) {
      const read = () => statementsOf(role(policy), "fn");
      expect(read).toThrow(UserError);
      expect(read).toThrow(/^Role FnRole cannot be run here: /);
    }
  });
});
