import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Authorize, accessKeyOf } from "../iam.js";
import { decodePath, readBody } from "../server.js";
import { type Deployment, MAX_MESSAGE_BYTES } from "./api.js";
import type { Connection } from "./connection.js";
import { isWellFormedId } from "./id.js";

interface Fault {
  readonly status: number;
  /** Sent as `x-amzn-errortype`, the only place where the SDK looks for an error's name. */
  readonly errorType: string;
  readonly message: string;
}

const GONE: Fault = { status: 410, errorType: "GoneException", message: "The connection is gone." };
const TOO_LARGE: Fault = {
  status: 413,
  errorType: "PayloadTooLargeException",
  message: `The payload is larger than ${MAX_MESSAGE_BYTES} bytes.`,
};
const FULL: Fault = {
  status: 429,
  errorType: "LimitExceededException",
  message: "The client does not keep up with what is sent to it.",
};
const forbidden = (message: string): Fault => ({ status: 403, errorType: "ForbiddenException", message });

/** The `@connections` API: posts to, describes and closes the connections of one stage. */
export const createManagement = (
  { api, notify }: Pick<Deployment, "api" | "notify">,
  connections: ReadonlyMap<string, Connection>,
  authorize: Authorize,
) => {
  const refuse = (request: IncomingMessage, response: ServerResponse, fault: Fault): void => {
    const { status, errorType, message } = fault;
    const body = JSON.stringify({ message });
    response
      .writeHead(status, { ...JSON_HEADERS, ...lengthOf(body), "x-amzn-errortype": errorType })
      .end(body);
    const method = request.method ?? "";
    notify({ kind: "callback-refused", method, status, errorType, reason: message });
  };

  const notifyDone = ({ headers }: IncomingMessage): void =>
    notify({ kind: "callback", accessKeyId: accessKeyOf(headers.authorization) });

  /** Checks a request before its connection is looked up. Returns the fault, if there is one. */
  const check = ({ method, headers }: IncomingMessage, stage: string, id: string): Fault | undefined => {
    if (stage !== api.stageName)
      return forbidden(`The path must begin with this API's stage, /${api.stageName}.`);
    if (!isWellFormedId(id))
      return { status: 400, errorType: "BadRequestException", message: "Invalid connectionId" };
    const access = authorize({
      accessKeyId: accessKeyOf(headers.authorization),
      action: "execute-api:ManageConnections",
      resource: `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${stage}/${method}/@connections/${id}`,
    });
    return access.allowed ? undefined : forbidden(access.message);
  };

  const open = (id: string): Connection | undefined => {
    const connection = connections.get(id);
    return connection?.isOpen() ? connection : undefined;
  };

  const post = async (id: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await readBody(request, MAX_MESSAGE_BYTES);
    if (received === "aborted") return;
    const { body, size } = received;
    if (size > MAX_MESSAGE_BYTES) return refuse(request, response, TOO_LARGE);
    const result = open(id)?.post(body, !isUtf8(body));
    if (!result) return refuse(request, response, GONE);
    if (result === "full") return refuse(request, response, FULL);
    response.writeHead(200, lengthOf("")).end();
    notifyDone(request);
  };

  const describe = (id: string, request: IncomingMessage, response: ServerResponse): void => {
    const connection = open(id);
    if (!connection) {
      refuse(request, response, GONE);
      return;
    }
    const { connectedAt, sourceIp, userAgent } = connection.client;
    const body = JSON.stringify({
      connectedAt: new Date(connectedAt).toISOString(),
      identity: { sourceIp, userAgent },
      lastActiveAt: new Date(connection.lastActiveAt()).toISOString(),
    });
    response.writeHead(200, { ...JSON_HEADERS, ...lengthOf(body) }).end(body);
  };

  const remove = (id: string, request: IncomingMessage, response: ServerResponse): void => {
    const closed = open(id)?.close({ code: 1000, reason: "Connection Closed Normally" });
    if (!closed) {
      refuse(request, response, GONE);
      return;
    }
    response.writeHead(204).end();
    notifyDone(request);
  };

  /** Returns false, and does nothing, for a path outside `@connections`. */
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    const segments = path.split("/").map(decodePath);
    const at = segments.indexOf("@connections");
    if (at < 1 || at > 2 || segments.length !== at + 2) return false;
    const [stage = ""] = segments.slice(1, at);
    const [id = ""] = segments.slice(at + 1);
    const fault = check(request, stage, id);
    if (fault) refuse(request, response, fault);
    else if (request.method === "POST") void post(id, request, response);
    else if (request.method === "GET") describe(id, request, response);
    else if (request.method === "DELETE") remove(id, request, response);
    else refuse(request, response, forbidden(`${request.method} is not a method of @connections.`));
    return true;
  };
};

const JSON_HEADERS = { "content-type": "application/json" };
const lengthOf = (body: string) => ({ "content-length": Buffer.byteLength(body) });
