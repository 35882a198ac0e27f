import * as v from "valibot";
import type { Route, ThrottleSettings, WebSocketApi } from "../gateway/api.js";
import { accountId } from "../synth/cloud.js";
import { type Graph, ofType, type Resource } from "../synth/graph.js";
import { UserError } from "../user-error.js";
import { byId, functionNameIn, read } from "./resource.js";

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

/** API Gateway reads route settings without limits as limits of zero. */
const throttleOf = ({ throttlingBurstLimit = 0, throttlingRateLimit = 0 }: Limits): ThrottleSettings => ({
  burstLimit: throttlingBurstLimit,
  rateLimit: throttlingRateLimit,
});

export const webSocketApiOf = (graph: Graph, region: string): WebSocketApi | undefined => {
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

/** The function in an invocation URI; undefined unless a permission allows API Gateway to invoke it. */
const invokable = (graph: Graph, uri: unknown): string | undefined => {
  const arn = String(uri).match(/functions\/(arn:aws:lambda:[^/]+)\/invocations$/)?.[1];
  const permitted = ofType(graph, "aws:lambda/permission:Permission").some(
    ({ inputs }) =>
      inputs.principal === "apigateway.amazonaws.com" &&
      [inputs.function, inputs.qualifier].filter(Boolean).join(":") === arn,
  );
  return permitted ? functionNameIn(arn) : undefined;
};
