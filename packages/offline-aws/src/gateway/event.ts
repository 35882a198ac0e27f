import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Client, WebSocketApi } from "./api.js";

type Pairs = readonly (readonly [name: string, value: string])[];

/** When the event happened, and its id. */
interface Occasion {
  readonly now: number;
  readonly requestId: string;
}

export const methodArnOf = ({ region, accountId, apiId, stageName }: WebSocketApi): string =>
  `arn:aws:execute-api:${region}:${accountId}:${apiId}/${stageName}/$connect`;

export const authorizerEvent = (api: WebSocketApi, ...rest: [Client, UpgradeRequest, Occasion]) => {
  const { isBase64Encoded: _, ...event } = connectEvent(api, ...rest);
  return { type: "REQUEST", methodArn: methodArnOf(api), stageVariables: {}, ...event };
};

export const connectEvent = (api: WebSocketApi, client: Client, request: UpgradeRequest, at: Occasion) => ({
  ...headersAndQuery(request),
  requestContext: requestContext(api, client, "$connect", "CONNECT", at),
  isBase64Encoded: false,
});

/** A message has neither headers nor a query. */
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

/** If a name comes more than once, the last value counts. */
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

/** The client's request, as `$connect` and its authorizer get it. */
export interface UpgradeRequest {
  /** Still encoded, without the query. */
  readonly path: string;
  readonly query: Pairs;
  /** In the client's order and spelling. */
  readonly headers: Pairs;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
}

/** API Gateway removes these headers before it builds the event. */
const HOP_BY_HOP = new Set(["connection", "upgrade"]);

/**
 * Unlike AWS, this takes the client's own `X-Forwarded-For` for the chain of addresses, so that tests can come from many
 * addresses. AWS appends the address that it saw, so the last entry is the source; a client can invent those before it.
 */
export const readUpgradeRequest = (request: IncomingMessage): UpgradeRequest => {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const chain = request.headers["x-forwarded-for"]?.toString();
  const claimed = chain?.slice(chain.lastIndexOf(",") + 1).trim();
  const isClaimed = claimed !== undefined && isIP(claimed) !== 0;
  const sourceIp = isClaimed ? claimed : remoteAddress(request);
  return {
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? [] : [...new URLSearchParams(url.slice(mark + 1))],
    headers: [
      ...rawHeaders(request).filter(([name]) => isPassedOn(name)),
      ["X-Forwarded-For", isClaimed && chain !== undefined ? chain : sourceIp],
      ["X-Forwarded-Port", "443"],
      ["X-Forwarded-Proto", "https"],
    ],
    sourceIp,
    userAgent: request.headers["user-agent"],
  };
};

const isPassedOn = (name: string): boolean => {
  const lower = name.toLowerCase();
  return !HOP_BY_HOP.has(lower) && !lower.startsWith("x-forwarded-");
};

const rawHeaders = ({ rawHeaders: flat }: IncomingMessage): [string, string][] => {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2)
    pairs.push([flat[index] ?? "", flat[index + 1] ?? ""]);
  return pairs;
};

/** A dual-stack server sees IPv4 clients as `::ffff:127.0.0.1`. */
const remoteAddress = (request: IncomingMessage): string =>
  (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
