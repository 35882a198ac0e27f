import { errorFrame, Failure, hashConnectionId } from "@lectern/core";
import type { ServerFrame } from "@lectern/protocol";
import type { APIGatewayProxyWebsocketEventV2 } from "aws-lambda";
import { core } from "./core.js";
import { logFault, logger } from "./log.js";

/** An event of the WebSocket API, and what `$connect` and the authorizer add to it. */
export interface SocketEvent extends APIGatewayProxyWebsocketEventV2 {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>;
  readonly requestContext: APIGatewayProxyWebsocketEventV2["requestContext"] & {
    readonly identity: { readonly sourceIp: string };
    readonly authorizer?: { readonly userId?: string; readonly refusal?: string };
    readonly disconnectStatusCode?: number;
  };
}

export interface Reply {
  readonly statusCode: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/**
 * A handler of frames. The answer, a refusal too, goes back as a route response; always with status 200, since what API
 * Gateway makes of another is not documented.
 */
export const frames = (act: (event: SocketEvent) => Promise<ServerFrame | undefined>) =>
  handler(async (event) => {
    const frame = await act(event).catch(asFrame);
    return { statusCode: 200, ...(frame ? { body: JSON.stringify(frame) } : {}) };
  });

/** A handler of `$connect` or `$disconnect`: the status is the answer. */
export const lifecycle = (act: (event: SocketEvent) => Promise<Reply>) =>
  handler(async (event) => {
    try {
      return await act(event);
    } catch (error) {
      const frame = asFrame(error);
      return { statusCode: frame.status, body: JSON.stringify(frame) };
    }
  });

/** The connection's age in milliseconds needs no read: every event brings `connectedAt`. */
export const ageOf = ({ requestContext }: SocketEvent): number => core.now() - requestContext.connectedAt;

const handler = (act: (event: SocketEvent) => Promise<Reply>) => async (event: SocketEvent) => {
  logger.resetKeys();
  logger.appendKeys({
    connection: hashConnectionId(event.requestContext.connectionId),
    route: event.requestContext.routeKey,
    requestId: event.requestContext.requestId,
  });
  return act(event);
};

/** A refusal as the client may see it; anything else is a bug, logged once and here. */
const asFrame = (error: unknown) => {
  if (error instanceof Failure) {
    core.log.info("Refused", {
      errorCode: error.code,
      reason: error.message,
      cause: String(error.cause ?? ""),
    });
    return errorFrame(error, core.now());
  }
  logFault("Failed", error);
  return errorFrame(new Failure("INTERNAL_ERROR"), core.now());
};
