import { onDisconnect } from "@lectern/core";
import { core } from "../core.js";
import { ageOf, lifecycleHandler, type SocketEvent } from "../socket-handler.js";

const fields = ({ requestContext }: SocketEvent) => ({ closeCode: requestContext.disconnectStatusCode });

export const handler = lifecycleHandler({ operation: "disconnect", fields }, async (event) => {
  const { connectionId, disconnectStatusCode } = event.requestContext;
  await onDisconnect(core, connectionId, { code: disconnectStatusCode, ageMs: ageOf(event) });
  return { statusCode: 200 };
});
