import { UserError } from "../user-error.js";
import { isRecord, type Route } from "./api.js";

const VARIABLE = /\$\{request\.body\.([^{}]+)\}|\$request\.body\.([\w-]+(?:\.[\w-]+)*)/g;

/** Routes that only the gateway itself may take. */
const LIFECYCLE = new Set(["$connect", "$disconnect"]);

/**
 * Compiles a route selection expression: `$request.body.action`, or several variables with text between them, as
 * `${request.body.service}/${request.body.action}`. The result picks the route of a message's body.
 * @throws {UserError} for an expression that reads anything else
 */
export const createRouteSelector = (expression: string, routes: ReadonlyMap<string, Route>) => {
  const evaluate = compile(expression);
  const fallback = routes.get("$default");
  return (text: string): Route | undefined => {
    const body = parseJson(text);
    if (body === undefined) return fallback;
    const routeKey = evaluate(body);
    return LIFECYCLE.has(routeKey) ? fallback : (routes.get(routeKey) ?? fallback);
  };
};

const compile = (expression: string): ((body: unknown) => string) => {
  const variables = [...expression.matchAll(VARIABLE)];
  if (variables.length === 0 || expression.replaceAll(VARIABLE, "").includes("$"))
    throw new UserError(
      `The WebSocket API's route selection expression "${expression}" must read $request.body and nothing else.`,
    );
  const paths = variables.map(([, braced, plain]) => (braced ?? plain ?? "").split("."));
  const texts = expression.replaceAll(VARIABLE, "\0").split("\0");
  return (body) =>
    texts.map((text, index) => (index === 0 ? text : read(body, paths[index - 1]) + text)).join("");
};

/** A missing path reads as the empty string; anything but a string is stringified. */
const read = (body: unknown, path: readonly string[] = []): string => {
  let value = body;
  for (const name of path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return "";
    value = value[name];
  }
  return isRecord(value) ? JSON.stringify(value) : String(value);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
