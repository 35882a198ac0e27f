import { type Graph, ofType } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { functionNames } from "./functions";
import { changed, full, graphOf, named, namesOf, types } from "./testing/graph";

describe.each(["prod", "dev", "pr-7"])("stage %s", (stage) => {
  const isProtected = stage === "prod";
  const hasMonitoring = stage !== "pr-7";
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf(stage);
  });

  test("every resource has its documented name", () => {
    const on = (...names: string[]) => names.map((name) => `${name}-${stage}`).sort();
    expect(namesOf(graph, types.table)).toEqual(on("Sessions", "Connections", "RateLimits"));
    expect(namesOf(graph, types.api)).toEqual(on("session-websocket-api"));
    expect(namesOf(graph, types.topic)).toEqual(hasMonitoring ? on("session-management-alarms") : []);
    expect(namesOf(graph, types.lambda)).toEqual(on(...functionNames));
  });

  test("Sessions is keyed by sessionId, expires at expiresAt and streams both images", () => {
    expect(named(graph, types.table, `Sessions-${stage}`).inputs).toMatchObject({
      hashKey: "sessionId",
      attributes: [{ name: "sessionId", type: "S" }],
      globalSecondaryIndexes: [],
      ttl: { attributeName: "expiresAt", enabled: true },
      billingMode: "PAY_PER_REQUEST",
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    });
  });

  test("Connections is keyed by connectionId, expires at ttl, streams both images and has one index on everything", () => {
    expect(named(graph, types.table, `Connections-${stage}`).inputs).toMatchObject({
      hashKey: "connectionId",
      attributes: [
        { name: "connectionId", type: "S" },
        { name: "sessionId", type: "S" },
        { name: "targetLanguage", type: "S" },
      ],
      globalSecondaryIndexes: [
        {
          name: "sessionId-targetLanguage-index",
          hashKey: "sessionId",
          rangeKey: "targetLanguage",
          projectionType: "ALL",
        },
      ],
      ttl: { attributeName: "ttl", enabled: true },
      billingMode: "PAY_PER_REQUEST",
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    });
  });

  test("RateLimits is keyed by identifier, expires at expiresAt and has no stream", () => {
    expect(named(graph, types.table, `RateLimits-${stage}`).inputs).toMatchObject({
      hashKey: "identifier",
      attributes: [{ name: "identifier", type: "S" }],
      globalSecondaryIndexes: [],
      ttl: { attributeName: "expiresAt", enabled: true },
      billingMode: "PAY_PER_REQUEST",
      streamEnabled: false,
    });
  });

  test("no table has a sort key, and none is provisioned", () => {
    for (const { inputs } of ofType(graph, types.table)) {
      expect(inputs.rangeKey).toBeUndefined();
      expect(inputs.readCapacity).toBeUndefined();
    }
  });

  test(`removal ${isProtected ? "is refused, and would retain what is stored" : "takes everything with it"}`, () => {
    expect(graph.app).toMatchObject(
      isProtected ? { protect: true, removal: "retain" } : { protect: false, removal: "remove" },
    );
    const kept = [types.table, types.pool, types.poolClient].flatMap((type) => ofType(graph, type));
    expect(kept).toHaveLength(5);
    for (const stored of kept) {
      expect([stored.name, stored.retainOnDelete ?? false]).toEqual([stored.name, isProtected]);
    }
  });

  test(`tables and pool ${isProtected ? "are" : "are not"} protected against deletion, tables ${isProtected ? "" : "not "}backed up`, () => {
    for (const { inputs } of ofType(graph, types.table)) {
      expect(inputs.deletionProtectionEnabled ?? false).toBe(isProtected);
      expect(inputs.pointInTimeRecovery).toEqual({ enabled: isProtected });
    }
    expect(named(graph, types.pool, `lectern-speakers-${stage}`).inputs.deletionProtection).toBe(
      isProtected ? "ACTIVE" : "INACTIVE",
    );
  });

  test("the functions know the stage, its region and its tables", () => {
    for (const { inputs } of ofType(graph, types.lambda)) {
      expect(inputs.environment).toMatchObject({
        variables: {
          ENV: stage,
          REGION: "us-east-1",
          SESSIONS_TABLE: `Sessions-${stage}`,
          CONNECTIONS_TABLE: `Connections-${stage}`,
          RATE_LIMITS_TABLE: `RateLimits-${stage}`,
        },
      });
    }
  });

  test("the outputs are the documented ones", () => {
    const [pool] = ofType(graph, types.pool);
    const [client] = ofType(graph, types.poolClient);
    expect(graph.outputs).toEqual({
      SessionsTableName: `Sessions-${stage}`,
      ConnectionsTableName: `Connections-${stage}`,
      RateLimitsTableName: `RateLimits-${stage}`,
      WebSocketAPIEndpoint: expect.stringMatching(
        /^wss:\/\/\w+\.execute-api\.us-east-1\.amazonaws\.com\/prod$/,
      ),
      ...(hasMonitoring
        ? { AlarmTopicArn: `arn:aws:sns:us-east-1:000000000000:session-management-alarms-${stage}` }
        : {}),
      UserPoolId: pool?.id,
      UserPoolClientId: client?.id,
    });
  });

  test(`${hasMonitoring ? "it has" : "it has no"} alarms, dashboard, saved query and custom metrics, and all its logs`, () => {
    const { alarm, dashboard, query } = types;
    const counts = [alarm, dashboard, query].map((type) => ofType(graph, type).length);
    expect(counts).toEqual(hasMonitoring ? [expect.any(Number), 1, 1] : [0, 0, 0]);
    if (hasMonitoring) expect(counts[0]).toBeGreaterThan(20);
    const silenced = ofType(graph, types.lambda).filter(({ inputs }) =>
      JSON.stringify(inputs.environment).includes('"POWERTOOLS_METRICS_DISABLED":"true"'),
    );
    expect(silenced).toHaveLength(hasMonitoring ? 0 : functionNames.length);
    expect(namesOf(graph, types.logGroup)).toHaveLength(functionNames.length + 1);
  });

  test("without an address, nobody gets mail", () => {
    expect(ofType(graph, types.subscription)).toEqual([]);
  });
});

describe("the user pool", () => {
  test("lets nobody sign up, and its client has neither a secret nor a hosted page", async () => {
    const graph = await graphOf("dev");
    const [pool] = ofType(graph, types.pool);
    const [client] = ofType(graph, types.poolClient);
    expect(pool?.inputs).toMatchObject({ adminCreateUserConfig: { allowAdminCreateUserOnly: true } });
    expect(client?.inputs).toMatchObject({
      userPoolId: pool?.id,
      allowedOauthFlowsUserPoolClient: false,
      allowedOauthFlows: [],
      allowedOauthScopes: [],
      callbackUrls: [],
      preventUserExistenceErrors: "ENABLED",
    });
    expect(client?.inputs.generateSecret ?? false).toBe(false);
  });

  test.each([
    { stage: "dev", settings: {}, byPassword: true },
    { stage: "pr-7", settings: {}, byPassword: true },
    { stage: "staging", settings: full, byPassword: false },
    { stage: "prod", settings: {}, byPassword: false },
    { stage: "prod", settings: changed, byPassword: true },
  ])(
    "of $stage allows sign-in by SRP and by an administrator; by password alone: $byPassword",
    async ({ stage, settings, byPassword }) => {
      const [client] = ofType(await graphOf(stage, settings), types.poolClient);
      expect(client?.inputs.explicitAuthFlows).toEqual([
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        ...(byPassword ? ["ALLOW_USER_PASSWORD_AUTH"] : []),
      ]);
    },
  );
});

describe("a stage with an existing pool, an address for alarms, an account, a VPC and longer logs", () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf("staging", {
      account: "123456789012",
      region: "eu-central-1",
      cognitoUserPoolId: "eu-central-1_AbCdEf123",
      cognitoClientId: "client1",
      alarmEmail: "ops@example.com",
      dataRetentionHours: "25",
      MAX_LISTENERS_PER_SESSION: "7",
      vpc: '{"privateSubnets":["subnet-1"],"securityGroups":["sg-1"]}',
    });
  });

  test("creates no pool, and its authorizer and outputs name the existing one", () => {
    expect([...ofType(graph, types.pool), ...ofType(graph, types.poolClient)]).toEqual([]);
    expect(graph.outputs).toMatchObject({
      UserPoolId: "eu-central-1_AbCdEf123",
      UserPoolClientId: "client1",
    });
    expect(named(graph, types.lambda, "session-authorizer-staging").inputs.environment).toMatchObject({
      variables: { USER_POOL_ID: "eu-central-1_AbCdEf123", CLIENT_ID: "client1" },
    });
  });

  test("sends alarms to the address", () => {
    expect(ofType(graph, types.subscription).map(({ inputs }) => inputs)).toEqual([
      {
        topic: "arn:aws:sns:eu-central-1:000000000000:session-management-alarms-staging",
        protocol: "email",
        endpoint: "ops@example.com",
      },
    ]);
  });

  test("deploys to that account and region only", () => {
    expect(graph.app.providers).toMatchObject({
      aws: { region: "eu-central-1", allowedAccountIds: ["123456789012"] },
    });
  });

  test("keeps the functions' logs for three days, and the access log still for one", () => {
    for (const { inputs } of ofType(graph, types.logGroup)) {
      const isAccessLog = String(inputs.name).startsWith("/aws/vendedlogs/");
      expect([inputs.name, inputs.retentionInDays]).toEqual([inputs.name, isAccessLog ? 1 : 3]);
    }
  });

  test("passes the changed settings to the functions", () => {
    for (const { inputs } of ofType(graph, types.lambda)) {
      expect(inputs.environment).toMatchObject({
        variables: { MAX_LISTENERS_PER_SESSION: "7", REGION: "eu-central-1" },
      });
    }
  });

  test("puts the functions into the VPC, still without AWS's policies that allow creating log groups", () => {
    for (const { inputs } of ofType(graph, types.lambda)) {
      expect(inputs.vpcConfig).toEqual({ subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] });
    }
    for (const { inputs } of ofType(graph, types.role).filter(({ name }) => !name.startsWith("APIGateway"))) {
      expect(inputs.managedPolicyArns).toEqual([]);
      expect(JSON.stringify(inputs.inlinePolicies)).toContain("ec2:CreateNetworkInterface");
    }
  });
});

describe("prod with changed settings", () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf("prod", changed);
  });

  test("may be removed, and still keeps its tables and pool", () => {
    expect(graph.app).toMatchObject({ protect: false, removal: "retain" });
    for (const { name, inputs, retainOnDelete } of [
      ...ofType(graph, types.table),
      ...ofType(graph, types.pool),
    ]) {
      const isProtected = inputs.deletionProtectionEnabled ?? inputs.deletionProtection === "ACTIVE";
      expect([name, retainOnDelete, isProtected]).toEqual([name, true, true]);
    }
  });

  test("imports the tables that an earlier removal kept, which it otherwise creates", async () => {
    const adopted = ({ resources }: Graph) =>
      Object.fromEntries(
        ofType({ resources }, types.table).map(({ inputs, adoptedFrom }) => [inputs.name, adoptedFrom]),
      );
    expect(adopted(await graphOf("prod"))).toEqual({
      "Sessions-prod": undefined,
      "Connections-prod": undefined,
      "RateLimits-prod": undefined,
    });
    expect(adopted(graph)).toEqual({
      "Sessions-prod": "Sessions-prod",
      "Connections-prod": "Connections-prod",
      "RateLimits-prod": "RateLimits-prod",
    });
  });

  test("replaces the signing key, which it otherwise keeps", async () => {
    const keepers = (of: Graph) =>
      ofType(of, "random:index/randomPassword:RandomPassword").map(({ inputs }) => inputs.keepers);
    expect(keepers(await graphOf("prod"))).toEqual([undefined]);
    expect(keepers(graph)).toEqual([{ version: "2" }]);
  });
});
