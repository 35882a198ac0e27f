import { Message } from "@lectern/core";
import { core } from "../core.js";
import { frameHandler } from "../socket-handler.js";

export const handler = frameHandler({ operation: "message" }, async ({ requestContext, body = "" }) =>
  Message.receive(core, requestContext.connectionId, body),
);
