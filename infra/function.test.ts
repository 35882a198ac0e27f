import { readFileSync } from "node:fs";
import path from "node:path";
import { type Graph, ofType, type Plan, plan } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { runtime } from "./functions";
import { changed, full, graphOf, graphOfCopy, named, types } from "./testing/graph";

let graph: Graph;
let functions: Plan["functions"];
beforeAll(async () => {
  graph = await graphOf("prod");
  functions = plan(graph).functions;
});

const handlers = {
  "session-authorizer": { memory: 128, timeout: 10, handler: "authorizer", linked: true },
  "session-connection-handler": { memory: 256, timeout: 30, handler: "connect", linked: true },
  "session-heartbeat-handler": { memory: 128, timeout: 10, handler: "heartbeat", linked: true },
  "session-disconnect-handler": { memory: 256, timeout: 30, handler: "disconnect", linked: false },
  "session-refresh-handler": { memory: 256, timeout: 30, handler: "refresh", linked: true },
  "session-default-handler": { memory: 256, timeout: 10, handler: "default", linked: false },
  "session-welcome": { memory: 256, timeout: 30, handler: "welcome", linked: true },
  "session-announce": { memory: 512, timeout: 60, handler: "announce", linked: false },
  "session-reaper": { memory: 1769, timeout: 50, handler: "reaper", linked: false },
  "session-drain": { memory: 256, timeout: 60, handler: "drain", linked: true },
};

test("one line sets the runtime of every function, also to one that SST does not know", async () => {
  const later = await graphOfCopy("pr-7", "infra/functions.ts", (source) =>
    source.replace(`"${runtime}"`, '"nodejs99.x"'),
  );
  const runtimes = ofType(later, types.lambda).map(({ inputs }) => inputs.runtime);
  expect(runtimes).toEqual(Object.keys(handlers).map(() => "nodejs99.x"));
});

test("only the reaper is not repeated by Lambda after a failure: its next run is the retry", () => {
  const configured = ofType(graph, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig");
  expect(configured.map(({ inputs }) => inputs)).toEqual([
    { functionName: "session-reaper-prod", maximumRetryAttempts: 0 },
  ]);
});

test("provisionedConcurrency warms an alias of what a join waits for, and every caller uses the alias", async () => {
  const cold = [
    "aws:lambda/alias:Alias",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
  ];
  expect(cold.flatMap((type) => ofType(graph, type))).toEqual([]);

  const warm = await graphOf("prod", full);
  const names = ["session-authorizer-prod", "session-connection-handler-prod", "session-welcome-prod"];
  const [aliases = [], configs = []] = cold.map((type) => ofType(warm, type).map(({ inputs }) => inputs));
  expect(aliases.map(({ functionName, name }) => [functionName, name]).sort()).toEqual(
    names.map((name) => [name, "live"]),
  );
  expect(configs.map(({ functionName }) => functionName).sort()).toEqual(names);
  for (const config of configs) {
    expect(config).toMatchObject({ qualifier: "live", provisionedConcurrentExecutions: 5 });
  }
  for (const name of names) expect(named(warm, types.lambda, name).inputs.publish).toBe(true);

  const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}:live`;
  const uris = [...ofType(warm, types.integration), ...ofType(warm, types.authorizer)].map(({ inputs }) =>
    String(inputs.integrationUri ?? inputs.authorizerUri),
  );
  const permissions = ofType(warm, "aws:lambda/permission:Permission").map(({ inputs }) => inputs);
  for (const name of names.slice(0, 2)) {
    expect(uris.filter((uri) => uri.includes(name))).toEqual([
      expect.stringContaining(`${arn(name)}/invocations`),
    ]);
    expect(permissions.filter(({ function: of }) => String(of).includes(name))).toEqual([
      expect.objectContaining({ function: arn(name).replace(/:live$/, ""), qualifier: "live" }),
    ]);
  }
  expect(ofType(warm, types.mapping).map(({ inputs }) => inputs.functionName)).toContain(
    arn("session-welcome-prod"),
  );
  expect(plan(warm).functions).toHaveLength(functions.length);
});

test("the runtime is the Node.js of .nvmrc and of the types, and the one that the guide plans for", () => {
  const read = (file: string) => readFileSync(path.join(import.meta.dirname, "..", file), "utf8");
  const major = read(".nvmrc").trim();
  expect(runtime).toBe(`nodejs${major}.x`);
  expect(JSON.parse(read("package.json")).devDependencies["@types/node"].split(".")[0]).toBe(major);
  expect(read("docs/deployment.md")).toContain(`The functions run on \`${runtime}\``);
});

test("the code lies in SST's bucket under the app and the stage, the source maps under the functions' names", () => {
  const keys = ofType(graph, "aws:s3/bucketObjectv2:BucketObjectv2").map(({ inputs }) => String(inputs.key));
  const isCode = (key: string) => key.startsWith("assets/lectern/prod/");
  const used = ofType(graph, types.lambda).map(({ inputs }) => String(inputs.s3Key));
  expect(keys.filter(isCode).sort()).toEqual(used.sort());
  expect(used).toHaveLength(Object.keys(handlers).length);
  const maps = keys.filter((key) => !isCode(key));
  expect(maps.length).toBeGreaterThan(0);
  for (const key of maps) {
    expect(key).toMatch(
      /^sourcemap\/arn:aws:logs:us-east-1:\d+:log-group:\/aws\/lambda\/session-[a-z-]+-prod\//,
    );
  }
});

describe.each(Object.entries(handlers))("%s", (name, { memory, timeout, handler, linked }) => {
  const resource = () => named(graph, types.lambda, `${name}-prod`);
  const planned = () => functions.find((fn) => fn.name === `${name}-prod`);

  test(`has ${memory} MB and ${timeout} s, on arm64, minified`, () => {
    expect(resource().inputs).toMatchObject({
      memorySize: memory,
      timeout,
      runtime,
      architectures: ["arm64"],
    });
    expect(planned()?.handler).toBe(`packages/functions/src/handler/${handler}.handler`);
    expect(planned()?.nodejs).toMatchObject({
      minify: true,
      // The credential providers that the SDK only loads outside Lambda.
      esbuild: { external: expect.arrayContaining(["@aws-sdk/credential-provider-sso"]) },
    });
  });

  test("writes JSON to its own log group, kept for a day", () => {
    expect(resource().inputs.loggingConfig).toEqual({
      logFormat: "JSON",
      logGroup: `/aws/lambda/${name}-prod`,
      applicationLogLevel: "INFO",
      systemLogLevel: "WARN",
    });
    expect(named(graph, types.logGroup, `/aws/lambda/${name}-prod`).inputs.retentionInDays).toBe(1);
  });

  test("passes to CloudWatch everything that logLevel lets it write, and its metrics", async () => {
    const levelWith = async (settings: { logLevel: string } & Record<string, string>) => {
      const { loggingConfig } = named(await graphOf("prod", settings), types.lambda, `${name}-prod`).inputs;
      return [settings.logLevel, (loggingConfig as { applicationLogLevel: string }).applicationLogLevel];
    };
    expect(await levelWith(changed)).toEqual(["DEBUG", "DEBUG"]);
    // A metric's line has no level, so Lambda takes it for INFO.
    expect(await levelWith(full)).toEqual(["ERROR", "INFO"]);
  });

  test("has every setting and table name in its environment, and nothing that it does not need", () => {
    const isAuthorizer = name === "session-authorizer";
    const { variables } = resource().inputs.environment as { variables: Record<string, string> };
    // SST adds the key that seals its links, and the app's name.
    const { SST_KEY, SST_KEY_FILE, SST_RESOURCE_App, ...own } = variables;
    expect(own).toEqual({
      ENV: "prod",
      REGION: "us-east-1",
      SESSIONS_TABLE: "Sessions-prod",
      CONNECTIONS_TABLE: "Connections-prod",
      RATE_LIMITS_TABLE: "RateLimits-prod",
      POWERTOOLS_SERVICE_NAME: name,
      POWERTOOLS_LOG_LEVEL: "INFO",
      SESSION_MAX_DURATION_HOURS: "2",
      CONNECTION_MAX_DURATION_HOURS: "2",
      CONNECTION_REFRESH_MINUTES: "100",
      CONNECTION_WARNING_MINUTES: "105",
      HEARTBEAT_INTERVAL_SECONDS: "30",
      HEARTBEAT_TIMEOUT_SECONDS: "90",
      SPEAKER_GRACE_SECONDS: "30",
      MAX_LISTENERS_PER_SESSION: "500",
      MAX_ACTIVE_SESSIONS: "100",
      DATA_RETENTION_HOURS: "12",
      FAN_OUT_REQUESTS_PER_SECOND: "3500",
      RATE_LIMIT_SESSIONS_PER_HOUR: "50",
      RATE_LIMIT_LISTENER_JOINS_PER_MIN: "10",
      RATE_LIMIT_CONNECTION_ATTEMPTS_PER_MIN: "20",
      RATE_LIMIT_HEARTBEATS_PER_MIN: "2",
      ...(name === "session-heartbeat-handler" ? { HEARTBEAT_LOG_SAMPLING: "0.01" } : {}),
      ...(isAuthorizer
        ? { USER_POOL_ID: graph.outputs.UserPoolId, CLIENT_ID: graph.outputs.UserPoolClientId }
        : {
            API_GATEWAY_ENDPOINT: expect.stringMatching(
              /^https:\/\/\w+\.execute-api\.us-east-1\.amazonaws\.com\/prod$/,
            ),
          }),
    });
  });

  test(`is ${linked ? "" : "not "}linked to the signing key`, () => {
    const links = Object.entries(planned()?.links ?? {});
    expect(links.map(([link]) => link).filter((link) => link !== "App")).toEqual(
      linked ? ["SigningKey"] : [],
    );
  });
});

test("SST keeps each function's source map under its log group, even after a removal", () => {
  const maps = ofType(graph, "aws:s3/bucketObjectv2:BucketObjectv2").filter(({ inputs }) =>
    String(inputs.key).startsWith("sourcemap/"),
  );
  expect(
    maps.map(({ inputs }) => String(inputs.key).match(/lambda\/([\w-]+)\/\w+\.bundle\.mjs\.map$/)?.[1]),
  ).toEqual(expect.arrayContaining(functions.map(({ name }) => name)));
  expect(maps.map(({ retainOnDelete }) => retainOnDelete)).toEqual(functions.map(() => true));
});

describe("in live mode", () => {
  let live: Graph;
  beforeAll(async () => {
    live = await graphOf("alice", {}, { dev: true });
  });

  test("stubs replace all functions, and have no setting of logs that needs Node.js", () => {
    expect(ofType(live, types.lambda)).toHaveLength(Object.keys(handlers).length);
    for (const { inputs } of ofType(live, types.lambda)) {
      expect(inputs).toMatchObject({ runtime: "provided.al2023", architectures: ["x86_64"] });
      expect(inputs.loggingConfig).toEqual({ logFormat: "Text", logGroup: `/aws/lambda/${inputs.name}` });
      expect(inputs.layers ?? []).toEqual([]);
      expect(inputs.reservedConcurrentExecutions).toBeUndefined();
    }
    expect(ofType(live, "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")).toEqual([]);
  });

  test("their roles may relay to the laptop", () => {
    const roles = ofType(live, types.role).filter(({ name }) => !name.startsWith("APIGateway"));
    expect(roles).toHaveLength(Object.keys(handlers).length);
    for (const { inputs } of roles) expect(JSON.stringify(inputs.inlinePolicies)).toContain("appsync:*");
  });
});

test("the program declares no other function", () => {
  expect(functions.map(({ name }) => name).sort()).toEqual(
    Object.keys(handlers)
      .map((name) => `${name}-prod`)
      .sort(),
  );
});

test("no variable of any function holds the signing key", () => {
  const connect = functions.find(({ name }) => name === "session-connection-handler-prod");
  const value = (connect?.links.SigningKey as { value: string } | undefined)?.value;
  expect(value).toHaveLength(64);
  expect(JSON.stringify(ofType(graph, types.lambda))).not.toContain(value);
});

test("the program creates a signing key that is too long to guess", () => {
  const [key] = ofType(graph, "random:index/randomPassword:RandomPassword");
  expect(key?.inputs).toMatchObject({ length: 64, special: false });
});

/** The rights of each role, except writing to its log group. Every changed grant must be changed here too. */
const grants: Record<keyof typeof handlers, readonly string[]> = {
  "session-authorizer": [],
  "session-connection-handler": [
    "dynamodb:PutItem on table/Sessions-prod",
    "dynamodb:UpdateItem on table/Sessions-prod",
    "dynamodb:DeleteItem on table/Sessions-prod",
    "dynamodb:PutItem on table/Connections-prod",
    "dynamodb:UpdateItem on table/Connections-prod",
    "dynamodb:DeleteItem on table/Connections-prod",
    "dynamodb:UpdateItem on table/RateLimits-prod",
  ],
  "session-heartbeat-handler": [
    "dynamodb:UpdateItem on table/RateLimits-prod",
    "dynamodb:GetItem on table/Connections-prod",
    "execute-api:ManageConnections on POST",
  ],
  "session-disconnect-handler": [
    "dynamodb:DeleteItem on table/Connections-prod",
    "dynamodb:UpdateItem on table/Sessions-prod",
  ],
  "session-refresh-handler": [
    "dynamodb:GetItem on table/Connections-prod",
    "dynamodb:GetItem on table/Sessions-prod",
  ],
  "session-default-handler": [
    "dynamodb:GetItem on table/Connections-prod",
    "dynamodb:Query on table/Connections-prod/index/sessionId-targetLanguage-index",
    "dynamodb:GetItem on table/Sessions-prod",
    "dynamodb:UpdateItem on table/Sessions-prod",
  ],
  "session-welcome": [
    "dynamodb:GetRecords on the stream of Connections-prod",
    "dynamodb:GetShardIterator on the stream of Connections-prod",
    "dynamodb:DescribeStream on the stream of Connections-prod",
    "dynamodb:ListStreams on the stream of Connections-prod",
    "sqs:SendMessage on lectern-stream-failures-prod",
    "dynamodb:GetItem on table/Connections-prod",
    "dynamodb:DeleteItem on table/Connections-prod",
    "dynamodb:GetItem on table/Sessions-prod",
    "dynamodb:UpdateItem on table/Sessions-prod",
    "execute-api:ManageConnections on POST",
    "execute-api:ManageConnections on DELETE",
  ],
  "session-announce": [
    "dynamodb:GetRecords on the stream of Sessions-prod",
    "dynamodb:GetShardIterator on the stream of Sessions-prod",
    "dynamodb:DescribeStream on the stream of Sessions-prod",
    "dynamodb:ListStreams on the stream of Sessions-prod",
    "sqs:SendMessage on lectern-stream-failures-prod",
    "dynamodb:UpdateItem on table/RateLimits-prod",
    "dynamodb:Query on table/Connections-prod/index/sessionId-targetLanguage-index",
    "dynamodb:GetItem on table/Connections-prod",
    "dynamodb:DeleteItem on table/Connections-prod",
    "execute-api:ManageConnections on POST",
    "execute-api:ManageConnections on DELETE",
  ],
  "session-reaper": [
    "dynamodb:Scan on table/Sessions-prod",
    "dynamodb:UpdateItem on table/Sessions-prod",
    "dynamodb:Scan on table/Connections-prod",
    "dynamodb:GetItem on table/Connections-prod",
    "dynamodb:DeleteItem on table/Connections-prod",
    "dynamodb:BatchGetItem on table/RateLimits-prod",
    "dynamodb:UpdateItem on table/RateLimits-prod",
    "execute-api:ManageConnections on GET",
    "execute-api:ManageConnections on POST",
    "execute-api:ManageConnections on DELETE",
  ],
  "session-drain": [
    "dynamodb:Scan on table/Connections-prod",
    "dynamodb:UpdateItem on table/RateLimits-prod",
    "execute-api:ManageConnections on POST",
  ],
};

/** The ARN without account and region; for the API, the method that the role may call. */
const short = (arn: string): string =>
  arn
    .replace(/^arn:aws:\w[\w-]*:us-east-1:000000000000:/, "")
    .replace(/^\w+\/prod\/(GET|POST|DELETE)\/@connections\/\*$/, "$1")
    .replace(/^table\/([\w-]+)\/stream\/.+$/, "the stream of $1");

describe.each(Object.entries(grants))("the role of %s", (name, expected) => {
  const planned = () => functions.find((fn) => fn.name === `${name}-prod`);
  const role = () => named(graph, types.role, planned()?.roleName ?? "");

  test("allows exactly what the code does, and writing to the log group without creating it", () => {
    const statements = planned()?.statements ?? [];
    const allowed = statements.flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} on ${short(resource)}`)),
    );
    expect(allowed.sort()).toEqual(
      [
        ...expected,
        `logs:CreateLogStream on log-group:/aws/lambda/${name}-prod:*`,
        `logs:PutLogEvents on log-group:/aws/lambda/${name}-prod:*`,
      ].sort(),
    );
    expect(statements.map(({ effect }) => effect)).not.toContain("Deny");
    expect(allowed.filter((grant) => /^\S*\*/.test(grant))).toEqual([]);
  });

  test("has no managed policy, and only Lambda may assume it", () => {
    expect(role().inputs.managedPolicyArns).toEqual([]);
    expect(role().inputs.assumeRolePolicy).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "AllowAssumeRole",
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: "lambda.amazonaws.com" },
        },
      ],
    });
  });
});
