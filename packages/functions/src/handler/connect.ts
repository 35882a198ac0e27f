import { connect, Failure, hashPrivate } from "@lectern/core";
import { bearerPrefix, type ErrorCode, errorCodes, subprotocol } from "@lectern/protocol";
import { core } from "../core.js";
import { lifecycleHandler, type SocketEvent } from "../socket-handler.js";
import { offeredSubprotocols } from "../subprotocol.js";

const fields = ({ requestContext }: SocketEvent) => ({
  address: hashPrivate(requestContext.identity.sourceIp, core.signingKey),
});

export const handler = lifecycleHandler({ operation: "connect", fields }, async (event) => {
  const echoed = echoedSubprotocol(event);
  await connect(core, {
    arrival: arrivalOf(event),
    query: event.queryStringParameters ?? {},
    refusal: refusalOf(event),
  });
  return { statusCode: 200, ...(echoed && { headers: { "Sec-WebSocket-Protocol": echoed } }) };
});

/**
 * The subprotocol to answer with, if any was offered.
 * @throws {Failure} `INVALID_PARAMETERS` when only a token was offered. Browsers drop a socket unless an offered
 * subprotocol is echoed, and a token is never echoed.
 */
const echoedSubprotocol = ({ headers }: SocketEvent): string | undefined => {
  const offered = offeredSubprotocols(headers);
  if (offered.includes(subprotocol)) return subprotocol;
  if (!offered.some((name) => name.startsWith(bearerPrefix))) return undefined;
  throw new Failure("INVALID_PARAMETERS", `Offer ${subprotocol} beside the token`, {
    details: { parameter: "Sec-WebSocket-Protocol" },
  });
};

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
