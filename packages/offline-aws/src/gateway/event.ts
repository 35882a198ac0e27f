import type { Client, WebSocketApi } from "./api.js";
import type { UpgradeRequest } from "./upgrade-request.js";

type Pairs = readonly (readonly [name: string, value: string])[];

/** The moment an event describes, and its id. */
interface Occasion {
  readonly now: number;
  readonly requestId: string;
}

export const methodArnOf = ({ region, accountId, apiId, stageName }: WebSocketApi): string =>
  `arn:aws:execute-api:${region}:${accountId}:${apiId}/${stageName}/$connect`;

export const authorizerEvent = (
  api: WebSocketApi,
  client: Client,
  request: UpgradeRequest,
  at: Occasion,
) => ({
  type: "REQUEST",
  methodArn: methodArnOf(api),
  ...headersAndQuery(request),
  stageVariables: {},
  requestContext: requestContext(api, client, "$connect", "CONNECT", at),
});

export const connectEvent = (api: WebSocketApi, client: Client, request: UpgradeRequest, at: Occasion) => ({
  ...headersAndQuery(request),
  requestContext: requestContext(api, client, "$connect", "CONNECT", at),
  isBase64Encoded: false,
});

/** A message brings neither headers nor a query: what is needed later is stored at `$connect`. */
export const messageEvent = (
  api: WebSocketApi,
  client: Client,
  routeKey: string,
  at: Occasion & { readonly messageId: string },
  body: string,
) => ({
  requestContext: { ...requestContext(api, client, routeKey, "MESSAGE", at), messageId: at.messageId },
  body,
  isBase64Encoded: false,
});

export const disconnectEvent = (
  api: WebSocketApi,
  client: Client,
  at: Occasion,
  close: { readonly code: number; readonly reason: string },
) => {
  const headers: Pairs = [
    ["Host", domainNameOf(api)],
    ["x-api-key", ""],
    ["X-Forwarded-For", ""],
    ["x-restapi", ""],
  ];
  return {
    headers: single(headers),
    multiValueHeaders: multiple(headers),
    requestContext: {
      ...requestContext(api, client, "$disconnect", "DISCONNECT", at),
      disconnectStatusCode: close.code,
      disconnectReason: close.reason,
    },
    isBase64Encoded: false,
  };
};

const domainNameOf = ({ apiId, region }: WebSocketApi): string =>
  `${apiId}.execute-api.${region}.amazonaws.com`;

const requestContext = (
  api: WebSocketApi,
  { connectionId, connectedAt, sourceIp, userAgent, authorizer }: Client,
  routeKey: string,
  eventType: "CONNECT" | "MESSAGE" | "DISCONNECT",
  { now, requestId }: Occasion,
) => ({
  routeKey,
  ...(authorizer && { authorizer }),
  eventType,
  extendedRequestId: requestId,
  requestTime: commonLogTime(now),
  messageDirection: "IN",
  stage: api.stageName,
  connectedAt,
  requestTimeEpoch: now,
  identity: { ...(userAgent !== undefined && { userAgent }), sourceIp },
  requestId,
  domainName: domainNameOf(api),
  connectionId,
  apiId: api.apiId,
});

const headersAndQuery = ({ headers, query }: UpgradeRequest) => ({
  headers: single(headers),
  multiValueHeaders: multiple(headers),
  ...(query.length > 0 && {
    queryStringParameters: single(query),
    multiValueQueryStringParameters: multiple(query),
  }),
});

/** Of a name that comes more than once, the last value counts. */
const single = (pairs: Pairs): Record<string, string> => Object.fromEntries(pairs);

const multiple = (pairs: Pairs): Record<string, string[]> => {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return Object.fromEntries(values);
};

/** `19/Feb/2024:07:11:42 +0000`, rearranged from `Mon, 19 Feb 2024 07:11:42 GMT`. */
const commonLogTime = (now: number): string => {
  const [, day, month, year, time] = new Date(now).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
};
