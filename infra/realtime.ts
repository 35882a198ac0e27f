import { userPoolClientId, userPoolId } from "./auth";
import { lambda, on } from "./function";
import { functions } from "./functions";
import { signingKey } from "./secret";
import { named, settings } from "./stage";
import { connections, connectionsByLanguage, rateLimits, sessions } from "./storage";

const stageName = "prod";

/** One line of the access log. It has no address and no raw connection id. */
const accessLogFormat = JSON.stringify({
  requestTime: "$context.requestTime",
  requestId: "$context.requestId",
  eventType: "$context.eventType",
  routeKey: "$context.routeKey",
  status: "$context.status",
  integrationStatus: "$context.integrationStatus",
  integrationLatency: "$context.integrationLatency",
  errorResponseType: "$context.error.responseType",
});

/**
 * API Gateway refuses a change of an API during another one ("concurrent modification"). So each child of the API depends on
 * the child declared before it, and Pulumi creates, updates and deletes them one at a time.
 */
let lastChild: $util.Resource | undefined;
$util.runtime.registerStackTransformation(({ type, resource, props, opts }) => {
  if (!type.startsWith("aws:apigatewayv2/") || !("apiId" in props)) return;
  const ordered = $util.mergeOptions(opts, { dependsOn: lastChild ?? [] });
  lastChild = resource;
  return { props, opts: ordered };
});

// SST maps a domain to a stage called $default, which this API does not have.
$transform(aws.apigatewayv2.ApiMapping, (mapping) => {
  mapping.stage = stageName;
});

export const api = new sst.aws.ApiGatewayWebSocket("Realtime", {
  accessLog: { retention: "1 day" },
  ...(settings.domain ? { domain: settings.domain } : {}),
  transform: {
    api: { name: named("session-websocket-api") },
    stage: (stage) => {
      stage.name = stageName;
      // Set both, and no other field: with another field, the throttle would deploy as zero.
      stage.defaultRouteSettings = { throttlingBurstLimit: 5_000, throttlingRateLimit: 10_000 };
      stage.accessLogSettings = $output(stage.accessLogSettings).apply((given) => ({
        destinationArn: given?.destinationArn ?? "",
        format: accessLogFormat,
      }));
      return undefined;
    },
  },
});

/** Grants these calls on the clients' sockets. */
export const manage = (...methods: ("GET" | "POST" | "DELETE")[]) => ({
  actions: ["execute-api:ManageConnections"],
  resources: methods.map(
    (method) => $interpolate`${api.nodes.api.executionArn}/${stageName}/${method}/@connections/*`,
  ),
});

/** Where functions post frames to clients. */
export const environment = { API_GATEWAY_ENDPOINT: api.managementEndpoint };

const authorizer = lambda("Authorizer", {
  environment: { USER_POOL_ID: userPoolId, CLIENT_ID: userPoolClientId },
  link: [signingKey],
});

const connect = lambda("Connect", {
  environment,
  link: [signingKey],
  permissions: [
    on(sessions, ["PutItem", "UpdateItem", "DeleteItem"]),
    on(connections, ["PutItem", "UpdateItem", "DeleteItem"]),
    on(rateLimits, ["UpdateItem"]),
  ],
});

const disconnect = lambda("Disconnect", {
  environment,
  permissions: [on(connections, ["DeleteItem"]), on(sessions, ["UpdateItem"])],
});

const heartbeat = lambda("Heartbeat", {
  environment: { ...environment, HEARTBEAT_LOG_SAMPLING: `${settings.heartbeatLogSampling}` },
  link: [signingKey],
  permissions: [on(rateLimits, ["UpdateItem"]), on(connections, ["GetItem"]), manage("POST")],
});

const refresh = lambda("Refresh", {
  environment,
  link: [signingKey],
  permissions: [on(connections, ["GetItem"]), on(sessions, ["GetItem"])],
});

const fallback = lambda("Default", {
  environment,
  permissions: [
    on(connections, ["GetItem"]),
    on(connections, ["Query"], connectionsByLanguage),
    on(sessions, ["GetItem", "UpdateItem"]),
  ],
});

// No identity source: API Gateway refuses a request that lacks one, and listeners send no token.
const auth = api.addAuthorizer("Token", { lambda: { function: authorizer.arn, identitySources: [] } });

api.route(functions.Connect.route, connect.arn, { auth: { lambda: auth.id } });
api.route(functions.Disconnect.route, disconnect.arn);

/** Sends the function's answer back as a frame. API Gateway discards it without a route response. */
const answered = (component: "Heartbeat" | "Refresh" | "Default", arn: $util.Input<string>) => {
  const route = api.route(functions[component].route, arn, {
    transform: { route: { routeResponseSelectionExpression: "$default" } },
  });
  // Declared after the route, so that the route never waits for its own response.
  $output(route.nodes.route).apply(
    ({ id }) =>
      new aws.apigatewayv2.RouteResponse(`${component}RouteResponse`, {
        apiId: api.nodes.api.id,
        routeId: id,
        routeResponseKey: "$default",
      }),
  );
};

answered("Heartbeat", heartbeat.arn);
answered("Refresh", refresh.arn);
answered("Default", fallback.arn);
