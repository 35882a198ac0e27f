import { receive } from "@lectern/core";
import { core } from "../core.js";
import { frames } from "../edge.js";

export const handler = frames({ operation: "message" }, async ({ requestContext, body = "" }) =>
  receive(core, requestContext.connectionId, body),
);
