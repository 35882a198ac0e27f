import { connect, Failure, hashPrivate } from "@lectern/core";
import { bearerPrefix, type ErrorCode, errorCodes, subprotocol } from "@lectern/protocol";
import { core } from "../core.js";
import { lifecycle, type SocketEvent } from "../edge.js";
import { offeredSubprotocols } from "../subprotocol.js";

const addressOf = ({ requestContext }: SocketEvent) => ({
  address: hashPrivate(requestContext.identity.sourceIp, core.signingKey),
});

export const handler = lifecycle({ operation: "connect", fields: addressOf }, async (event) => {
  const offered = offeredSubprotocols(event.headers);
  const echoed = offered.includes(subprotocol);
  // It could not be answered, since a token is never sent back; and a browser gives up what is not.
  if (!echoed && offered.some((name) => name.startsWith(bearerPrefix))) {
    throw new Failure("INVALID_PARAMETERS", `Offer ${subprotocol} beside the token`, {
      details: { parameter: "Sec-WebSocket-Protocol" },
    });
  }
  await connect(core, {
    arrival: arrivalOf(event),
    query: event.queryStringParameters ?? {},
    refusal: refusalOf(event),
  });
  return { statusCode: 200, ...(echoed ? { headers: { "Sec-WebSocket-Protocol": subprotocol } } : {}) };
});

const arrivalOf = ({ requestContext }: SocketEvent) => ({
  connectionId: requestContext.connectionId,
  connectedAt: requestContext.connectedAt,
  requestedAt: requestContext.requestTimeEpoch,
  requestId: requestContext.requestId,
  address: requestContext.identity.sourceIp,
  userId: requestContext.authorizer?.userId,
});

const refusalOf = ({ requestContext }: SocketEvent): ErrorCode | undefined =>
  errorCodes.find((code) => code === requestContext.authorizer?.refusal);
