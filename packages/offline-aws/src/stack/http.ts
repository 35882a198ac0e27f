import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { StackClock } from "../clock.js";
import type { DynamoDb } from "../dynamodb/index.js";
import type { Gateway } from "../gateway/gateway.js";
import type { Authorize } from "../iam.js";
import type { Issuer } from "../issuer.js";
import type { Lambda } from "../lambda/lambda.js";
import type { Plan } from "../plan/plan.js";
import {
  answering,
  cognitoService,
  lambdaService,
  logsService,
  type Service,
  stsService,
} from "../service/index.js";
import { createStatusPage, createStatusState } from "../status/index.js";
import type { Graph } from "../synth/graph.js";
import type { AccessKeys } from "./environment.js";
import type { Observation } from "./observation.js";
import type { Stack } from "./stack.js";

/** The parts of a started stack. */
export interface Parts {
  readonly graph: Graph;
  readonly planned: Plan;
  readonly clock: StackClock;
  readonly observation: Observation;
  readonly issuer: Issuer;
  readonly tokenService: Stack["tokenService"];
  readonly keys: AccessKeys;
  readonly authorize: Authorize;
  readonly dynamodb: DynamoDb;
  readonly lambda: Lambda;
  readonly gateway: Gateway | undefined;
  readonly endpoints: Pick<Stack, "webSocketUrl" | "httpUrl" | "dynamodbEndpoint">;
}

/** Answers HTTP requests: the status page, `@connections`, the user pool's keys, and the other AWS services. */
export const requestListener = (parts: Parts): RequestListener => {
  const { issuer, tokenService, gateway } = parts;
  const page = statusPage(parts);
  const services = servicesOf(parts);
  const answer = answering(services);
  return (request, response) => {
    if (page.handleRequest(request, response)) return;
    if (gateway?.handleRequest(request, response)) return;
    if (isJwksRequest(request) && tokenService.available) return sendJson(response, 200, issuer.jwks);
    if (!answer(request, response)) refuseUnknown(request, response, services);
  };
};

const servicesOf = ({ planned, clock, observation, issuer, keys, authorize, lambda }: Parts): Service[] => [
  lambdaService({
    plan: planned,
    invoke: lambda.invoke,
    invokeFor: (accessKeyId) => {
      const caller = keys.functions.get(accessKeyId ?? "");
      return caller === undefined ? lambda.invoke : lambda.invokeFrom(caller);
    },
    authorize,
    reportOf: observation.functionOutput.reportOf,
  }),
  cognitoService({ plan: planned, issuer, clock, authorize }),
  logsService({ plan: planned, logs: observation.logs, authorize }),
  stsService(keys.principals),
];

const statusPage = ({ graph, planned, clock, observation, dynamodb, gateway, endpoints }: Parts) => {
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
      recorder: observation.recorder,
      cloudWatch: observation.cloudWatch,
      tables: planned.tables,
      items: dynamodb.items,
    }),
  });
};

const isJwksRequest = ({ url = "" }: IncomingMessage): boolean =>
  /^\/[^/]+\/\.well-known\/jwks\.json$/.test(url);

const sendJson = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

/** Answers a call of anything else with a sentence, in the form that the SDKs show. */
const refuseUnknown = (
  request: IncomingMessage,
  response: ServerResponse,
  services: readonly Service[],
): void => {
  const scope = request.headers.authorization?.match(/Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//)?.[1];
  const call = request.headers["x-amz-target"] ?? `${request.method} ${request.url}`;
  const asked = scope ? `${call} of the AWS service ${scope}` : call;
  const operations = services.map(({ name, operations }) => `${name} (${operations.join(", ")})`);
  response.setHeader("x-amzn-errortype", "NotAvailableOfflineException");
  sendJson(response, scope ? 501 : 404, {
    __type: "NotAvailableOfflineException",
    message: `${asked} is not part of the local stack: it has API Gateway WebSocket APIs, DynamoDB, ${new Intl.ListFormat("en-GB").format(operations)}.`,
  });
};
