import { Message, parse } from "@lectern/core";
import { refreshFrameSchema } from "@lectern/protocol";
import { core } from "../core.js";
import { frameHandler } from "../socket-handler.js";

export const handler = frameHandler({ operation: "refresh" }, async ({ requestContext, body = "" }) => {
  const { sessionId } = parse(refreshFrameSchema, Message.decode(body));
  return Message.confirm(core, requestContext.connectionId, sessionId);
});
