import { Connection } from "@lectern/core";
import { core } from "../core.js";
import { ageOf, lifecycle } from "../edge.js";

export const handler = lifecycle(
  {
    operation: "disconnect",
    fields: ({ requestContext }) => ({ closeCode: requestContext.disconnectStatusCode }),
  },
  async (event) => {
    const { connectionId, disconnectStatusCode } = event.requestContext;
    await Connection.leave(core, connectionId, { code: disconnectStatusCode, ageMs: ageOf(event) });
    return { statusCode: 200 };
  },
);
