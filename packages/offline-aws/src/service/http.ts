import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import * as v from "valibot";
import { accessKeyOf } from "../iam.js";
import { readBody } from "../server.js";
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
  const received = await readBody(request, maxBytes);
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

/** An operation in AWS's JSON 1.1 protocol; `body` is the parsed request, not yet checked. */
export type JsonOperation = (body: unknown, accessKeyId: string | undefined, operation: string) => object;

/** A service in the JSON 1.1 protocol. `X-Amz-Target` is `target`, a dot, and the operation. */
export const jsonService = (
  name: string,
  target: string,
  operations: Readonly<Record<string, JsonOperation>>,
): Service => ({
  name,
  operations: Object.keys(operations),
  find: ({ method, headers }) => {
    const [service, operation = ""] = String(headers["x-amz-target"]).split(".");
    if (method !== "POST" || service !== target || !Object.hasOwn(operations, operation)) return undefined;
    return ({ body, accessKeyId }) => ({
      status: 200,
      headers: { "content-type": "application/x-amz-json-1.1" },
      body: JSON.stringify(operations[operation]?.(jsonOf(body), accessKeyId, operation)),
    });
  },
});

const jsonOf = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError("SerializationException", "The request is not JSON.");
  }
};

/**
 * Reads a request's fields.
 * @throws {ServiceError} naming the field, but not its value: it may be a password
 */
export const fieldsOf = <Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  const field = v.getDotPath(parsed.issues[0]) ?? "";
  throw new ServiceError(
    "InvalidParameterException",
    `1 validation error detected: Value at '${field.charAt(0).toLowerCase()}${field.slice(1)}' failed to satisfy constraint: Member must have its documented type and range`,
  );
};
