import * as v from "valibot";
import type { TableDefinition } from "./dynamodb/index.js";
import type { Mapping } from "./event-source/index.js";
import type { Route, ThrottleSettings, WebSocketApi } from "./gateway/api.js";
import type { Statement } from "./iam.js";
import type { FunctionDefinition } from "./lambda/function-definition.js";
import { accountId } from "./synth/cloud.js";
import { type Graph, ofType, type Resource } from "./synth/graph.js";
import { UserError } from "./user-error.js";

/** A function, and who it is when it calls others. */
export interface PlannedFunction extends FunctionDefinition {
  readonly roleName: string;
  readonly statements: readonly Statement[];
  /** Linked resources' properties, by name. */
  readonly links: Readonly<Record<string, unknown>>;
  /** The group that its log lines go to, and the form that Lambda gives them. */
  readonly logGroup: string;
  readonly logFormat: "JSON" | "Text";
  /** The least that Lambda hands on to the group; in the JSON form only. */
  readonly applicationLogLevel?: string;
}

export type PlannedMapping = Omit<Mapping, "stream"> & { readonly streamArn: string };

/** A rule that invokes a function again and again. */
export interface Schedule {
  readonly name: string;
  readonly periodMs: number;
  readonly functionName: string;
  readonly input: unknown;
}

/** A user pool's app client. */
export interface AppClient {
  readonly userPoolId: string;
  readonly clientId: string;
}

/** An app client, and what it lets its users do. */
export interface PlannedAppClient extends AppClient {
  /** `ALLOW_USER_PASSWORD_AUTH` */
  readonly explicitAuthFlows: readonly string[];
  /** Whether a sign-in says no more of a user who does not exist than of a wrong password. */
  readonly preventUserExistenceErrors: boolean;
}

/** What a user pool asks of a password. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly requireLowercase: boolean;
  readonly requireUppercase: boolean;
  readonly requireNumbers: boolean;
  readonly requireSymbols: boolean;
}

export interface UserPool {
  readonly id: string;
  readonly arn: string;
  /** Whether users are called by their e-mail addresses. */
  readonly emailAsUsername: boolean;
  readonly caseSensitive: boolean;
  readonly passwordPolicy: PasswordPolicy;
}

/** What of a graph can be run on one machine. */
export interface Plan {
  readonly region: string;
  readonly tables: readonly TableDefinition[];
  readonly functions: readonly PlannedFunction[];
  readonly webSocketApi: WebSocketApi | undefined;
  readonly mappings: readonly PlannedMapping[];
  readonly schedules: readonly Schedule[];
  readonly userPools: readonly UserPool[];
  readonly appClients: readonly PlannedAppClient[];
  /** Names. */
  readonly logGroups: readonly string[];
}

/** Reads a graph as AWS would carry it out. */
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

/**
 * Reads a resource's inputs, or a value among them.
 * @throws {UserError} naming the resource, and what of it cannot be read
 */
const read = <Schema extends v.GenericSchema>(
  schema: Schema,
  { type, name, inputs }: Resource,
  value: unknown = inputs,
): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = v.getDotPath(issue);
  throw new UserError(
    `${type.split(":").at(-1)} ${name} cannot be run here: ${place ? `${place}: ` : ""}${issue.message}.`,
  );
};

const regionOf = ({ app }: Graph): string => {
  const parsed = v.safeParse(v.object({ aws: v.object({ region: v.string() }) }), app.providers);
  return parsed.success ? parsed.output.aws.region : "us-east-1";
};

const tableSchema = v.object({
  name: v.string(),
  hashKey: v.string(),
  rangeKey: v.optional(v.string()),
  attributes: v.array(v.object({ name: v.string(), type: v.picklist(["S", "N", "B"]) })),
  globalSecondaryIndexes: v.optional(
    v.array(
      v.object({
        name: v.string(),
        hashKey: v.string(),
        rangeKey: v.optional(v.string()),
        projectionType: v.picklist(["ALL", "KEYS_ONLY", "INCLUDE"]),
        nonKeyAttributes: v.optional(v.array(v.string())),
      }),
    ),
    [],
  ),
  streamEnabled: v.optional(v.boolean(), false),
  streamViewType: v.optional(
    v.picklist(["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"]),
    "NEW_AND_OLD_IMAGES",
  ),
  ttl: v.optional(v.object({ attributeName: v.string(), enabled: v.boolean() })),
});

/** The stream's ARN is an output of the table; the program knows it by this one. */
const streamSuffix = "/stream/2026-01-01T00:00:00.000";

const tableOf = (resource: Resource, region: string): TableDefinition => {
  const table = read(tableSchema, resource);
  const arn = `arn:aws:dynamodb:${region}:${accountId}:table/${table.name}`;
  return {
    name: table.name,
    arn,
    hashKey: table.hashKey,
    ...optional("rangeKey", table.rangeKey),
    attributes: table.attributes,
    globalIndexes: table.globalSecondaryIndexes.map(({ rangeKey, nonKeyAttributes, ...index }) => ({
      ...index,
      ...optional("rangeKey", rangeKey),
      ...optional("nonKeyAttributes", nonKeyAttributes),
    })),
    stream: table.streamEnabled
      ? { arn: `${arn}${streamSuffix}`, viewType: table.streamViewType }
      : undefined,
    ttlAttribute: table.ttl?.enabled ? table.ttl.attributeName : undefined,
  };
};

const functionSchema = v.object({
  name: v.string(),
  role: v.string(),
  timeout: v.number(),
  memorySize: v.number(),
  runtime: v.string(),
  environment: v.object({ variables: v.record(v.string(), v.string()) }),
  loggingConfig: v.optional(
    v.object({
      logFormat: v.optional(v.picklist(["JSON", "Text"]), "Text"),
      applicationLogLevel: v.optional(v.string(), "INFO"),
      logGroup: v.optional(v.string()),
    }),
    {},
  ),
});

const functionOf = (graph: Graph, resource: Resource, region: string): PlannedFunction => {
  const { name, role, timeout, memorySize, runtime, environment, loggingConfig } = read(
    functionSchema,
    resource,
  );
  const build = graph.functions.find(({ functionID }) => resource.name === `${functionID}Function`);
  if (!build)
    throw new UserError(`Function ${name} has no code that can be run here: its handler is not Node.js.`);
  const roleName = role.split("/").at(-1) ?? role;
  // SST reads its links from an encrypted file beside the code; here they come by the environment.
  const { SST_KEY: _key, SST_KEY_FILE: _file, ...variables } = environment.variables;
  return {
    name,
    arn: `arn:aws:lambda:${region}:${accountId}:function:${name}`,
    handler: build.handler,
    environment: variables,
    timeoutSeconds: timeout,
    memoryMb: memorySize,
    runtime,
    nodejs: build.properties,
    roleName,
    statements: statementsOf(graph, roleName),
    links: build.links,
    logGroup: loggingConfig.logGroup ?? `/aws/lambda/${name}`,
    logFormat: loggingConfig.logFormat,
    ...(loggingConfig.logFormat === "JSON" ? { applicationLogLevel: loggingConfig.applicationLogLevel } : {}),
  };
};

const roleSchema = v.object({
  inlinePolicies: v.optional(v.array(v.object({ policy: v.string() })), []),
});

const policySchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    Statement: v.array(
      v.object({
        Effect: v.picklist(["Allow", "Deny"]),
        Action: v.array(v.string()),
        Resource: v.array(v.string()),
      }),
    ),
  }),
);

/** What a role's own policies say. Managed ones are not looked at: what they allow is not there to be called. */
export const statementsOf = (graph: Graph, roleName: string): Statement[] => {
  const role = ofType(graph, "aws:iam/role:Role").find(({ inputs }) => inputs.name === roleName);
  if (!role) return [];
  return read(roleSchema, role).inlinePolicies.flatMap(({ policy }) =>
    read(policySchema, role, policy).Statement.map(({ Effect, Action, Resource }) => ({
      effect: Effect,
      actions: Action,
      resources: Resource,
    })),
  );
};

const limitEntries = {
  throttlingBurstLimit: v.optional(v.number()),
  throttlingRateLimit: v.optional(v.number()),
};

const stageSchema = v.object({
  apiId: v.string(),
  name: v.string(),
  defaultRouteSettings: v.optional(v.object(limitEntries)),
  routeSettings: v.optional(v.array(v.object({ routeKey: v.string(), ...limitEntries })), []),
});

type Limits = NonNullable<v.InferOutput<typeof stageSchema>["defaultRouteSettings"]>;

/** API Gateway takes route settings without limits for limits of zero. */
const throttleOf = ({ throttlingBurstLimit = 0, throttlingRateLimit = 0 }: Limits): ThrottleSettings => ({
  burstLimit: throttlingBurstLimit,
  rateLimit: throttlingRateLimit,
});

const webSocketApiOf = (graph: Graph, region: string): WebSocketApi | undefined => {
  const apis = ofType(graph, "aws:apigatewayv2/api:Api").filter(
    ({ inputs }) => inputs.protocolType === "WEBSOCKET",
  );
  if (apis.length > 1)
    throw new UserError("The local stack runs one WebSocket API, and the program declares more.");
  const [api] = apis;
  if (!api) return undefined;
  const stage = ofType(graph, "aws:apigatewayv2/stage:Stage")
    .map((each) => read(stageSchema, each))
    .find(({ apiId }) => apiId === api.id);
  if (!stage) throw new UserError(`The WebSocket API ${api.name} has no stage.`);
  const { defaultRouteSettings, routeSettings } = stage;
  const ownSettings = new Map(routeSettings.map((settings) => [settings.routeKey, settings]));
  return {
    apiId: api.id,
    region,
    accountId,
    stageName: stage.name,
    routeSelectionExpression: String(api.inputs.routeSelectionExpression),
    routes: ofType(graph, "aws:apigatewayv2/route:Route")
      .filter(({ inputs }) => inputs.apiId === api.id)
      .map((each) => {
        const route = routeOf(graph, each);
        const settings = ownSettings.get(route.routeKey);
        return settings ? { ...route, throttle: throttleOf(settings) } : route;
      }),
    throttle: defaultRouteSettings ? throttleOf(defaultRouteSettings) : {},
  };
};

const routeSchema = v.object({
  routeKey: v.string(),
  target: v.optional(v.string()),
  authorizationType: v.optional(v.string()),
  authorizerId: v.optional(v.string()),
  routeResponseSelectionExpression: v.optional(v.string()),
});

const authorizerSchema = v.object({ identitySources: v.optional(v.array(v.string()), []) });

const routeOf = (graph: Graph, resource: Resource): Route => {
  const route = read(routeSchema, resource);
  const integration = byId(
    graph,
    "aws:apigatewayv2/integration:Integration",
    route.target?.split("/").at(-1),
  );
  const authorizer = byId(graph, "aws:apigatewayv2/authorizer:Authorizer", route.authorizerId);
  const answered = ofType(graph, "aws:apigatewayv2/routeResponse:RouteResponse").some(
    (response) => response.inputs.routeId === resource.id && response.inputs.routeResponseKey === "$default",
  );
  return {
    routeKey: route.routeKey,
    functionName: invokable(graph, integration?.inputs.integrationUri),
    routeResponse: route.routeResponseSelectionExpression === "$default" && answered,
    ...(route.authorizationType === "CUSTOM" && authorizer
      ? {
          authorizer: {
            functionName: invokable(graph, authorizer.inputs.authorizerUri) ?? "",
            identitySources: read(authorizerSchema, authorizer).identitySources,
          },
        }
      : {}),
  };
};

/** The function that an invocation URI names, if API Gateway has been allowed to invoke it. */
const invokable = (graph: Graph, uri: unknown): string | undefined => {
  const arn = String(uri).match(/functions\/(arn:aws:lambda:[^/]+)\/invocations$/)?.[1];
  const permitted = ofType(graph, "aws:lambda/permission:Permission").some(
    ({ inputs }) => inputs.principal === "apigateway.amazonaws.com" && inputs.function === arn,
  );
  return permitted ? functionNameIn(arn) : undefined;
};

const mappingSchema = v.object({
  eventSourceArn: v.string(),
  functionName: v.string(),
  startingPosition: v.picklist(["TRIM_HORIZON", "LATEST"]),
  batchSize: v.optional(v.number(), 100),
  maximumBatchingWindowInSeconds: v.optional(v.number(), 0),
  maximumRetryAttempts: v.optional(v.number(), -1),
  maximumRecordAgeInSeconds: v.optional(v.number(), -1),
  bisectBatchOnFunctionError: v.optional(v.boolean(), false),
  functionResponseTypes: v.optional(v.array(v.string()), []),
  parallelizationFactor: v.optional(v.number(), 1),
  filterCriteria: v.optional(v.object({ filters: v.array(v.object({ pattern: v.string() })) })),
  destinationConfig: v.optional(v.object({ onFailure: v.object({ destinationArn: v.string() }) })),
});

const mappingOf = (resource: Resource, region: string): PlannedMapping => {
  const mapping = read(mappingSchema, resource);
  const functionName = functionNameIn(mapping.functionName) ?? mapping.functionName;
  return {
    id: resource.name,
    functionName,
    functionArn: `arn:aws:lambda:${region}:${accountId}:function:${functionName}`,
    streamArn: mapping.eventSourceArn,
    batchSize: mapping.batchSize,
    startingPosition: mapping.startingPosition,
    maximumBatchingWindowInSeconds: mapping.maximumBatchingWindowInSeconds,
    filters: mapping.filterCriteria?.filters.map(({ pattern }) => pattern) ?? [],
    maximumRetryAttempts: mapping.maximumRetryAttempts,
    maximumRecordAgeInSeconds: mapping.maximumRecordAgeInSeconds,
    bisectBatchOnFunctionError: mapping.bisectBatchOnFunctionError,
    reportBatchItemFailures: mapping.functionResponseTypes.includes("ReportBatchItemFailures"),
    parallelizationFactor: mapping.parallelizationFactor,
    ...optional("onFailureArn", mapping.destinationConfig?.onFailure.destinationArn),
  };
};

const unitMs: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

const targetSchema = v.object({ input: v.optional(v.pipe(v.string(), v.parseJson()), "{}") });

const scheduleOf = (graph: Graph, resource: Resource): Schedule => {
  const { name, inputs } = resource;
  const rule = ofType(graph, "aws:cloudwatch/eventRule:EventRule").find(({ id }) => id === inputs.rule);
  const expression = String(rule?.inputs.scheduleExpression);
  const [, amount, unit = ""] = expression.match(/^rate\((\d+) (minute|hour|day)s?\)$/) ?? [];
  const functionName = functionNameIn(inputs.arn);
  if (!functionName || !amount) {
    throw new UserError(`Schedule ${name}: the local stack runs functions at a rate, not ${expression}.`);
  }
  return {
    name,
    functionName,
    periodMs: Number(amount) * (unitMs[unit] ?? 0),
    input: read(targetSchema, resource).input,
  };
};

/** What Cognito asks for where a pool says nothing. */
const userPoolSchema = v.object({
  usernameAttributes: v.optional(v.array(v.string()), []),
  usernameConfiguration: v.optional(v.object({ caseSensitive: v.optional(v.boolean(), true) }), {}),
  passwordPolicy: v.optional(
    v.object({
      minimumLength: v.optional(v.number(), 8),
      requireLowercase: v.optional(v.boolean(), false),
      requireUppercase: v.optional(v.boolean(), false),
      requireNumbers: v.optional(v.boolean(), false),
      requireSymbols: v.optional(v.boolean(), false),
    }),
    { requireLowercase: true, requireUppercase: true, requireNumbers: true, requireSymbols: true },
  ),
});

const userPoolOf = (resource: Resource, region: string): UserPool => {
  const { id } = resource;
  const { usernameAttributes, usernameConfiguration, passwordPolicy } = read(userPoolSchema, resource);
  return {
    id,
    arn: `arn:aws:cognito-idp:${region}:${accountId}:userpool/${id}`,
    emailAsUsername: usernameAttributes.includes("email"),
    caseSensitive: usernameConfiguration.caseSensitive,
    passwordPolicy,
  };
};

const appClientSchema = v.object({
  userPoolId: v.string(),
  explicitAuthFlows: v.optional(v.array(v.string()), [
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_CUSTOM_AUTH",
  ]),
  preventUserExistenceErrors: v.optional(v.picklist(["ENABLED", "LEGACY"]), "LEGACY"),
});

const appClientOf = (resource: Resource): PlannedAppClient => {
  const { userPoolId, explicitAuthFlows, preventUserExistenceErrors } = read(appClientSchema, resource);
  return {
    userPoolId,
    clientId: resource.id,
    explicitAuthFlows,
    preventUserExistenceErrors: preventUserExistenceErrors === "ENABLED",
  };
};

const functionNameIn = (arn: unknown): string | undefined => String(arn).match(/:function:([^:/]+)/)?.[1];

const byId = (graph: Graph, type: string, id: string | undefined): Resource | undefined =>
  ofType(graph, type).find((resource) => resource.id === id);

const optional = <Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [Key in Name]?: Value } => (value === undefined ? {} : ({ [name]: value } as { [Key in Name]?: Value }));
