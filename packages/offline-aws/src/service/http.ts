import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { accessKeyOf } from "../iam.js";
import { ServiceError } from "./error.js";

/** An HTTP request to an AWS service. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** Undefined for an unsigned request. */
  readonly accessKeyId: string | undefined;
  /** Empty when it was larger than `maxBytes`. */
  readonly body: Buffer;
  /** The body's size in bytes. */
  readonly size: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body: string;
}

export type Run = (call: Call) => Reply | Promise<Reply>;

/** Some operations of one AWS service. */
export interface Service {
  /** `CloudWatch Logs` */
  readonly name: string;
  readonly operations: readonly string[];
  /** The operation that a request calls; undefined when it calls none of these. */
  find(request: IncomingMessage): Run | undefined;
}

/** Lambda's limit on a synchronous request, the largest of all services here. */
export const maxBytes = 6_291_456;

/** Returns a function that answers a request to one of these services, or returns false. */
export const answering =
  (services: readonly Service[]) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    const run = services.map((service) => service.find(request)).find((found) => found !== undefined);
    if (run) void respond(request, response, run);
    return run !== undefined;
  };

const respond = async (request: IncomingMessage, response: ServerResponse, run: Run): Promise<void> => {
  const received = await receive(request);
  if (received === "aborted") return;
  const call: Call = {
    headers: request.headers,
    query: urlOf(request).searchParams,
    accessKeyId: accessKeyOf(request.headers.authorization),
    ...received,
  };
  const { status, headers, body } = await Promise.resolve(call).then(run).catch(refusal);
  response
    .writeHead(status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "x-amzn-requestid": randomUUID(),
      ...headers,
    })
    .end(body);
};

export const urlOf = ({ url = "/" }: IncomingMessage): URL =>
  new URL(`http://local${url.startsWith("/") ? url : "/"}`);

/** SDKs read an error's name from the header or from `__type`, depending on the protocol. */
const refusal = (error: unknown): Reply => {
  const { name, message, status, fields } =
    error instanceof ServiceError
      ? error
      : new ServiceError("InternalFailure", `The local stack failed: ${error}`, 500);
  return {
    status,
    headers: { "x-amzn-errortype": name },
    body: JSON.stringify({ __type: name, ...fields, message }),
  };
};

/** Past the limit the rest is read and dropped: a client reads the answer only after it has sent everything. */
const receive = (request: IncomingMessage): Promise<Pick<Call, "body" | "size"> | "aborted"> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on("end", () => resolve({ body: Buffer.concat(chunks), size }));
    request.on("close", () => resolve("aborted"));
  });
