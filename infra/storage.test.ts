import { ofType } from "offline-aws";
import { expect, test } from "vitest";
import { graphOf, types } from "./testing";

const adopted = async (settings: Record<string, string> = {}) =>
  Object.fromEntries(
    ofType(await graphOf("prod", settings), types.table).map(({ inputs, adoptedFrom }) => [
      inputs.name,
      adoptedFrom,
    ]),
  );

test("tables are made, unless the stage's settings say to take over those that an earlier removal retained", async () => {
  expect(await adopted()).toEqual({
    "Sessions-prod": undefined,
    "Connections-prod": undefined,
    "RateLimits-prod": undefined,
  });
  expect(await adopted({ adoptRetained: "true" })).toEqual({
    "Sessions-prod": "Sessions-prod",
    "Connections-prod": "Connections-prod",
    "RateLimits-prod": "RateLimits-prod",
  });
});
