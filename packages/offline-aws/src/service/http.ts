import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { accessKeyOf } from "../iam.js";
import { ServiceError } from "./error.js";

/** A call of an AWS service, as its HTTP request has it. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** Who signed it; undefined when nobody did. */
  readonly accessKeyId: string | undefined;
  /** Empty when it was larger than any service takes. */
  readonly body: Buffer;
  /** How many bytes the body had. */
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
  /** As an operator says it: `CloudWatch Logs`. */
  readonly name: string;
  readonly operations: readonly string[];
  /** What answers the request; undefined when it calls for nothing that is here. */
  find(request: IncomingMessage): Run | undefined;
}

/** Lambda's limit on a synchronous request, the largest that any service here takes. */
export const maxBytes = 6_291_456;

/** Answers requests of these services, and returns whether this was one. */
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

/** The SDKs look for an error's name in the header or in `__type`, by protocol. */
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

/** Reads on past the limit without keeping anything, so that the client can finish and see the answer. */
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
