import { userPoolClientId, userPoolId } from "./auth";
import { lambda, on } from "./function";
import { signingKey } from "./secret";
import { named, settings } from "./stage";
import { connections, connectionsByLanguage, rateLimits, sessions } from "./storage";

const stageName = "prod";

/** What is logged of each request: no address, no raw connection id. */
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
      // Set together and always: with any other field here but these, the throttle would deploy as zero.
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
const manage = (...methods: ("GET" | "POST" | "DELETE")[]) => ({
  actions: ["execute-api:ManageConnections"],
  resources: methods.map(
    (method) => $interpolate`${api.nodes.api.executionArn}/${stageName}/${method}/@connections/*`,
  ),
});

const environment = { API_GATEWAY_ENDPOINT: api.managementEndpoint };

export const authorizer = lambda("Authorizer", "session-authorizer", {
  handler: "packages/functions/src/handler/authorizer.handler",
  memory: "128 MB",
  timeout: "10 seconds",
  environment: { USER_POOL_ID: userPoolId, CLIENT_ID: userPoolClientId },
  link: [signingKey],
});

export const connect = lambda("Connect", "session-connection-handler", {
  handler: "packages/functions/src/handler/connect.handler",
  memory: "256 MB",
  timeout: "30 seconds",
  environment,
  link: [signingKey],
  permissions: [
    on(sessions, ["PutItem", "UpdateItem", "DeleteItem"]),
    on(connections, ["PutItem", "DeleteItem"]),
    on(rateLimits, ["UpdateItem"]),
  ],
});

export const disconnect = lambda("Disconnect", "session-disconnect-handler", {
  handler: "packages/functions/src/handler/disconnect.handler",
  memory: "256 MB",
  timeout: "30 seconds",
  environment,
  permissions: [on(connections, ["DeleteItem"]), on(sessions, ["UpdateItem"])],
});

export const heartbeat = lambda("Heartbeat", "session-heartbeat-handler", {
  handler: "packages/functions/src/handler/heartbeat.handler",
  memory: "128 MB",
  timeout: "10 seconds",
  environment: { ...environment, HEARTBEAT_LOG_SAMPLING: `${settings.heartbeatLogSampling}` },
  link: [signingKey],
  permissions: [on(rateLimits, ["UpdateItem"]), on(connections, ["GetItem"]), manage("POST")],
});

export const refresh = lambda("Refresh", "session-refresh-handler", {
  handler: "packages/functions/src/handler/refresh.handler",
  memory: "256 MB",
  timeout: "30 seconds",
  environment,
  permissions: [on(connections, ["GetItem"]), on(sessions, ["GetItem"])],
});

export const fallback = lambda("Default", "session-default-handler", {
  handler: "packages/functions/src/handler/default.handler",
  memory: "256 MB",
  timeout: "10 seconds",
  environment,
  permissions: [
    on(connections, ["GetItem"]),
    on(connections, ["Query"], connectionsByLanguage),
    on(sessions, ["GetItem", "UpdateItem"]),
  ],
});

// No identity source: each one named would have to be present, and listeners have none.
const auth = api.addAuthorizer("Token", { lambda: { function: authorizer.arn, identitySources: [] } });

api.route("$connect", connect.arn, { auth: { lambda: auth.id } });
api.route("$disconnect", disconnect.arn);

/** A route whose function's answer goes back as a frame; without the route response it would be discarded. */
const answered = (component: string, routeKey: string, arn: $util.Input<string>) => {
  const route = api.route(routeKey, arn, {
    transform: { route: { routeResponseSelectionExpression: "$default" } },
  });
  new aws.apigatewayv2.RouteResponse(`${component}RouteResponse`, {
    apiId: api.nodes.api.id,
    routeId: $output(route.nodes.route).id,
    routeResponseKey: "$default",
  });
};

answered("Heartbeat", "heartbeat", heartbeat.arn);
answered("Refresh", "refreshConnection", refresh.arn);
answered("Default", "$default", fallback.arn);

export { environment, manage };
