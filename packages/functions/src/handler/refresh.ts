import { Connection, decode, parse } from "@lectern/core";
import { refreshFrameSchema } from "@lectern/protocol";
import { core } from "../core.js";
import { frames } from "../edge.js";

export const handler = frames({ operation: "refresh" }, async ({ requestContext, body = "" }) => {
  const { sessionId } = parse(refreshFrameSchema, decode(body));
  return Connection.confirm(core, requestContext.connectionId, sessionId);
});
