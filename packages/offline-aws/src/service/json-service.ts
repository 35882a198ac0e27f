import * as v from "valibot";
import { ServiceError } from "./error.js";
import type { Service } from "./http.js";

/** An operation in AWS's JSON 1.1 protocol; `body` is the parsed request, not yet checked. */
export type JsonOperation = (body: unknown, accessKeyId: string | undefined) => object;

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
      body: JSON.stringify(operations[operation]?.(jsonOf(body), accessKeyId)),
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
