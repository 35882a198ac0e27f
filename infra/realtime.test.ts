import { type Graph, ofType, type Plan, plan, type Resource } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { full, graphOf, named, types } from "./testing/graph";

let graph: Graph;
let planned: Plan;
beforeAll(async () => {
  graph = await graphOf("prod");
  planned = plan(graph);
});

const routes = () => planned.webSocketApi?.routes ?? [];

describe("the WebSocket API", () => {
  test("selects routes by the frame's action", () => {
    expect(named(graph, types.api, "session-websocket-api-prod").inputs).toMatchObject({
      protocolType: "WEBSOCKET",
      routeSelectionExpression: "$request.body.action",
    });
  });

  test("has one stage, prod, with automatic deployment and throttles of 5,000 in a burst and 10,000 a second", () => {
    expect(ofType(graph, types.stage).map(({ inputs }) => inputs)).toMatchObject([
      {
        name: "prod",
        autoDeploy: true,
        // With any other field, these two deploy as zero.
        defaultRouteSettings: { throttlingBurstLimit: 5_000, throttlingRateLimit: 10_000 },
      },
    ]);
  });

  test("routes the documented frames to their functions, and may invoke each", () => {
    expect(
      Object.fromEntries(routes().map(({ routeKey, functionName }) => [routeKey, functionName])),
    ).toEqual({
      $connect: "session-connection-handler-prod",
      $disconnect: "session-disconnect-handler-prod",
      heartbeat: "session-heartbeat-handler-prod",
      refreshConnection: "session-refresh-handler-prod",
      $default: "session-default-handler-prod",
    });
  });

  test("is the only API that may invoke its functions", () => {
    const [api] = ofType(graph, types.api);
    const byGateway = ofType(graph, "aws:lambda/permission:Permission").filter(
      ({ inputs }) => inputs.principal === "apigateway.amazonaws.com",
    );
    expect(byGateway).toHaveLength(6);
    for (const { inputs } of byGateway) {
      expect(inputs.sourceArn).toMatch(new RegExp(`^arn:aws:execute-api:us-east-1:000000000000:${api?.id}/`));
    }
  });

  test("calls the authorizer on every $connect, and on no other route", () => {
    expect(routes().filter(({ authorizer }) => authorizer)).toMatchObject([
      {
        routeKey: "$connect",
        authorizer: { functionName: "session-authorizer-prod", identitySources: [] },
      },
    ]);
    for (const { inputs } of ofType(graph, types.route)) {
      expect([inputs.routeKey, inputs.authorizationType]).toEqual([
        inputs.routeKey,
        inputs.routeKey === "$connect" ? "CUSTOM" : "NONE",
      ]);
    }
    const authorizers = ofType(graph, types.authorizer);
    expect(authorizers.map(({ inputs }) => inputs)).toMatchObject([{ authorizerType: "REQUEST" }]);
    // WebSocket APIs cache no results, and a time to live would fail the deployment.
    expect(authorizers[0]?.inputs.authorizerResultTtlInSeconds).toBeUndefined();
  });

  test("has both halves of a route response on exactly the routes that answer", () => {
    const answered = ["$default", "heartbeat", "refreshConnection"];
    const selecting = ofType(graph, types.route).filter(
      ({ inputs }) => inputs.routeResponseSelectionExpression === "$default",
    );
    expect(selecting.map(({ inputs }) => inputs.routeKey).sort()).toEqual(answered);
    const responses = ofType(graph, types.routeResponse);
    expect(responses.map(({ inputs }) => inputs.routeResponseKey)).toEqual([
      "$default",
      "$default",
      "$default",
    ]);
    expect(new Set(responses.map(({ inputs }) => inputs.routeId))).toEqual(
      new Set(selecting.map(({ id }) => id)),
    );
    expect(
      routes()
        .filter(({ routeResponse }) => routeResponse)
        .map(({ routeKey }) => routeKey)
        .sort(),
    ).toEqual(answered);
  });

  test("keeps its access log for a day", () => {
    const groups = ofType(graph, types.logGroup).filter(({ inputs }) =>
      String(inputs.name).startsWith("/aws/vendedlogs/"),
    );
    expect(groups.map(({ inputs }) => inputs.retentionInDays)).toEqual([1]);
    expect(named(graph, types.stage, "prod").inputs.accessLogSettings).toMatchObject({
      destinationArn: `arn:aws:logs:us-east-1:000000000000:log-group:${groups[0]?.inputs.name}`,
    });
  });

  test("logs each request as flat JSON below 3 KB, without address, connection id or query", () => {
    const { format } = named(graph, types.stage, "prod").inputs.accessLogSettings as { format: string };
    expect(format.length).toBeLessThan(3 * 1024);
    const fields: Record<string, string> = JSON.parse(format);
    for (const variable of Object.values(fields)) expect(variable).toMatch(/^\$context\.[\w.]+$/);
    expect(Object.values(fields)).toEqual(
      expect.arrayContaining(["$context.status", "$context.routeKey", "$context.requestId"]),
    );
    expect(format).not.toMatch(/sourceIp|connectionId|identity|authorizer|userAgent|querystring/i);
  });
});

test("a domain is mapped to the stage's own name, and callbacks still go to the API's own address", async () => {
  const withDomain = await graphOf("prod", full);
  expect(ofType(withDomain, "aws:apigatewayv2/domainName:DomainName").map(({ inputs }) => inputs)).toEqual([
    expect.objectContaining({
      domainName: "live.example.com",
      domainNameConfiguration: expect.objectContaining({
        endpointType: "REGIONAL",
        securityPolicy: "TLS_1_2",
      }),
    }),
  ]);
  expect(
    ofType(withDomain, "aws:apigatewayv2/apiMapping:ApiMapping").map(({ inputs }) => inputs.stage),
  ).toEqual(["prod"]);
  expect(withDomain.outputs.WebSocketAPIEndpoint).toBe("wss://live.example.com");
  const { inputs } = named(withDomain, types.lambda, "session-welcome-prod");
  expect(JSON.stringify(inputs.environment)).toMatch(
    /"API_GATEWAY_ENDPOINT":"https:\/\/\w+\.execute-api\.us-east-1\.amazonaws\.com\/prod"/,
  );
});

test.each([
  ["prod", full],
  ["pr-7", {}],
] as const)(
  "no two children of %s's API are created, changed or deleted side by side, which API Gateway refuses",
  async (stage, settings) => {
    const { resources } = await graphOf(stage, settings);
    const keyOf = ({ type, name }: Resource) => `${type}/${name}`;
    const known = new Map(resources.map((resource) => [keyOf(resource), resource]));
    /** Everything that must exist before a resource. */
    const beforeIt = (key: string, found = new Set<string>()): ReadonlySet<string> => {
      for (const next of known.get(key)?.dependsOn ?? []) {
        if (!found.has(next)) beforeIt(next, found.add(next));
      }
      return found;
    };
    const children = resources.filter(({ inputs }) => "apiId" in inputs).map(keyOf);
    expect(children.length).toBe(stage === "prod" ? 16 : 15);
    const ordered = [...children].sort((one, other) => beforeIt(one).size - beforeIt(other).size);
    for (const [index, child] of ordered.entries()) {
      expect(ordered.slice(0, index).filter((earlier) => !beforeIt(child).has(earlier))).toEqual([]);
    }
  },
);

describe("the streams", () => {
  const mappingTo = (functionName: string) => {
    const found = ofType(graph, types.mapping).find(({ inputs }) => inputs.functionName === functionName);
    if (!found) throw new Error(`No mapping feeds ${functionName}.`);
    return found.inputs;
  };
  const patternsTo = (functionName: string): string[] => {
    const { filters } = mappingTo(functionName).filterCriteria as { filters: { pattern: string }[] };
    return filters.map(({ pattern }) => pattern);
  };

  test("are two: Connections feeds welcome, Sessions feeds announce", () => {
    expect(
      planned.mappings.map(({ functionName, streamArn }) => [functionName, streamArn.split("/")[1]]).sort(),
    ).toEqual([
      ["session-announce-prod", "Sessions-prod"],
      ["session-welcome-prod", "Connections-prod"],
    ]);
  });

  test.each(["session-welcome-prod", "session-announce-prod"])(
    "feed %s every record from the start, and give up a bad record instead of blocking behind it",
    (functionName) => {
      const mapping = mappingTo(functionName);
      expect(mapping).toMatchObject({
        startingPosition: "TRIM_HORIZON",
        bisectBatchOnFunctionError: true,
        functionResponseTypes: ["ReportBatchItemFailures"],
        maximumRetryAttempts: 5,
        maximumRecordAgeInSeconds: 600,
        parallelizationFactor: 10,
        destinationConfig: {
          onFailure: { destinationArn: "arn:aws:sqs:us-east-1:000000000000:lectern-stream-failures-prod" },
        },
      });
    },
  );

  test("come in batches of 25 for welcome, and of 1 for announce", () => {
    expect(mappingTo("session-welcome-prod").batchSize).toBe(25);
    expect(mappingTo("session-announce-prod").batchSize).toBe(1);
  });

  test("have at most five filters, which are JSON about the images alone", () => {
    for (const functionName of ["session-welcome-prod", "session-announce-prod"]) {
      const patterns = patternsTo(functionName);
      expect(patterns.length).toBeGreaterThan(0);
      expect(patterns.length).toBeLessThanOrEqual(5);
      for (const pattern of patterns) {
        expect(Object.keys(JSON.parse(pattern))).toEqual(["dynamodb"]);
        expect(new Set(Object.keys(JSON.parse(pattern).dynamodb))).toEqual(new Set(["OldImage", "NewImage"]));
      }
    }
  });

  test("send failed records to an encrypted queue, which keeps them for two weeks", () => {
    expect(named(graph, types.queue, "lectern-stream-failures-prod").inputs).toMatchObject({
      messageRetentionSeconds: 14 * 24 * 3_600,
      sqsManagedSseEnabled: true,
    });
  });
});

test("the reaper runs once a minute", () => {
  expect(planned.schedules).toMatchObject([{ functionName: "session-reaper-prod", periodMs: 60_000 }]);
  expect(ofType(graph, "aws:cloudwatch/eventRule:EventRule").map(({ inputs }) => inputs)).toMatchObject([
    { scheduleExpression: "rate(1 minute)", state: "ENABLED" },
  ]);
});
