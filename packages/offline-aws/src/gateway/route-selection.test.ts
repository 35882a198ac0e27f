import { expect, test } from "vitest";
import { UserError } from "../user-error.js";
import { createRouteSelector } from "./route-selection.js";

const select = (expression: string, body: unknown, keys: string[]) => {
  const routes = new Map(
    keys.map((routeKey) => [routeKey, { routeKey, functionName: "f", routeResponse: false }]),
  );
  return createRouteSelector(expression, routes)(JSON.stringify(body))?.routeKey;
};

test("1.4: a path may be nested", () => {
  expect(select("$request.body.message.action", { message: { action: "go" } }, ["go"])).toBe("go");
});

test("1.4: an expression may join several variables with text", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: API Gateway's own syntax
  const expression = "${request.body.service}/${request.body.action}";
  expect(select(expression, { service: "a", action: "b" }, ["a/b"])).toBe("a/b");
});

test("1.4: a missing path is the empty string, which no route has", () => {
  expect(select("$request.body.action", { other: 1 }, ["$default", "undefined"])).toBe("$default");
  expect(select("$request.body.toString", {}, ["$default"])).toBe("$default");
  expect(select("$request.body.action", { other: 1 }, ["heartbeat"])).toBeUndefined();
});

test.each(["action", "", "$request.header.x", "$request.body", "$request.body.action$context.x"])(
  "an expression that is not one of the message's body (%s) is refused at the start",
  (expression) => {
    expect(() => createRouteSelector(expression, new Map())).toThrow(UserError);
  },
);
