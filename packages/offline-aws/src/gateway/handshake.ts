import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type Client, type Deployment, isRecord, type Refusal, refusal } from "./api.js";
import { runAuthorizer } from "./authorizer.js";
import { describeFailure, INTEGRATION_TIMEOUT_SECONDS, invokeWithin } from "./deadline.js";
import { connectEvent, readUpgradeRequest } from "./event.js";
import { createId } from "./id.js";
import { type TakeToken, throttled } from "./throttle.js";

const MAX_URL_CHARACTERS = 4096;

type Admission =
  | { readonly kind: "accepted"; readonly client: Client; readonly subprotocol: string | undefined }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Runs a handshake up to the point where the socket may be upgraded: the checks, the authorizer, `$connect`. */
export const admit = async (
  deployment: Deployment,
  withinQuota: TakeToken,
  incoming: IncomingMessage,
): Promise<Admission> => {
  const { api, clock, routes } = deployment;
  if ((incoming.url ?? "").length > MAX_URL_CHARACTERS)
    return refused(414, `the URL is longer than ${MAX_URL_CHARACTERS} characters`);
  const request = readUpgradeRequest(incoming);
  if (!isStagePath(request.path, api.stageName))
    return refused(403, `the path is not that of the stage, /${api.stageName}`);
  const offered = offeredSubprotocols(incoming.headers["sec-websocket-protocol"]);
  if (!isWebSocketHandshake(incoming) || !offered)
    return refused(400, "not a well-formed WebSocket handshake");
  if (!withinQuota()) return refused(429, "the account's 500 new connections per second are used up");
  const route = routes.get("$connect");
  if (!deployment.withinThrottle(route)) return refused(429, throttled(route));

  const { sourceIp, userAgent } = request;
  // One request, seen by the authorizer and by `$connect`.
  const requestId = createId();
  const arrival = { connectionId: createId(), connectedAt: clock.now(), sourceIp, userAgent };
  const authorized = route?.authorizer
    ? await runAuthorizer(deployment, route.authorizer, arrival, incoming, request, requestId)
    : undefined;
  if (authorized && "refusal" in authorized) return { kind: "refused", refusal: authorized.refusal };
  const client: Client = authorized ? { ...arrival, authorizer: authorized.context } : arrival;
  if (route?.functionName === undefined) return { kind: "accepted", client, subprotocol: undefined };

  const event = connectEvent(api, client, request, { now: clock.now(), requestId });
  const { functionName } = route;
  const outcome = await invokeWithin(INTEGRATION_TIMEOUT_SECONDS, deployment, functionName, event);
  if (outcome.kind !== "returned") return refused(502, `${functionName} ${describeFailure(outcome)}`);
  const status = statusOf(outcome.payload);
  if (status === undefined) return refused(502, `${route.functionName} returned no statusCode`);
  if (status < 200 || status > 299) return refused(status, `${route.functionName} returned ${status}`, true);
  const echoed = subprotocolOf(outcome.payload);
  return {
    kind: "accepted",
    client,
    subprotocol: echoed !== undefined && offered.has(echoed) ? echoed : undefined,
  };
};

/**
 * Answers a handshake with a status instead of an upgrade; a browser sees neither status nor body. The header
 * `x-offline-aws-reason`, which AWS does not send, gives the reason.
 */
export const refuseHandshake = (socket: Duplex, { status, reason }: Refusal): void => {
  const text = STATUS_CODES[status] ?? "";
  const body = JSON.stringify({ message: text });
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${text}`,
      "Connection: close",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Offline-Aws-Reason: ${encodeURI(reason).replaceAll("%20", " ")}`,
      "",
      body,
    ].join("\r\n"),
  );
};

const refused = (...fault: Parameters<typeof refusal>): Admission => ({
  kind: "refused",
  refusal: refusal(...fault),
});

/** A stage named `$default` may come encoded. */
const isStagePath = (path: string, stageName: string): boolean => {
  const stage = path.endsWith("/") ? path.slice(1, -1) : path.slice(1);
  return stage === stageName || stage === encodeURIComponent(stageName);
};

/** `ws` checks this too, but only after `$connect` has run and written its rows. */
const isWebSocketHandshake = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" &&
  headers.upgrade?.toLowerCase() === "websocket" &&
  /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
  ["13", "8"].includes(headers["sec-websocket-version"] ?? "");

/** Undefined when the header is malformed: a name is not a token, or comes twice. */
const offeredSubprotocols = (header: string | undefined): ReadonlySet<string> | undefined => {
  if (header === undefined) return new Set();
  const names = header.split(",").map((name) => name.trim());
  const offered = new Set(names);
  return offered.size === names.length && names.every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name))
    ? offered
    : undefined;
};

/** Undefined when a function's result is not a proxy response. The stub of `sst dev` writes the number as a string. */
const statusOf = (payload: unknown): number | undefined => {
  const status = isRecord(payload) ? Number(payload.statusCode) : Number.NaN;
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : undefined;
};

/** The only header of `$connect`'s response that counts. */
const subprotocolOf = (payload: unknown): string | undefined => {
  if (!isRecord(payload) || !isRecord(payload.headers)) return undefined;
  const header = Object.entries(payload.headers).find(
    ([name]) => name.toLowerCase() === "sec-websocket-protocol",
  );
  return typeof header?.[1] === "string" ? header[1] : undefined;
};
