import { type ErrorCode, errorCodes } from "@lectern/protocol";
import * as v from "valibot";
import { Failure } from "./failure.js";

/**
 * Parses a client's input.
 * @throws {Failure} for the first broken rule, with the parameter's name in `details.parameter`.
 */
export const parse = <Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, input, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const parameter = v.getDotPath(issue) ?? "body";
  const code = codeOf(issue.message, parameter);
  throw new Failure(code, messageOf(code, parameter, issue.received), { details: { parameter } });
};

/** Our schemas use the error code as a rule's message. For a missing key the message is valibot's own text. */
const codeOf = (message: string, parameter: string): ErrorCode => {
  if (parameter === "action" || parameter === "body") return "INVALID_ACTION";
  const code = errorCodes.find((known) => known === message);
  return code && code !== "INVALID_ACTION" ? code : "INVALID_PARAMETERS";
};

const messageOf = (code: ErrorCode, parameter: string, received: string): string | undefined => {
  if (code !== "INVALID_PARAMETERS") return undefined;
  return received === "undefined" ? `Missing parameter: ${parameter}` : `Invalid parameter: ${parameter}`;
};
