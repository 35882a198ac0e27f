import { errorFrame, Failure, hashConnectionId, type MetricName } from "@lectern/core";
import type { ServerFrame } from "@lectern/protocol";
import type { APIGatewayProxyWebsocketEventV2 } from "aws-lambda";
import { core } from "./core.js";
import { work } from "./invocation.js";

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

interface EdgeOptions {
  readonly operation: string;
  /** How many of its lines are logged, from 0 to 1, where they are many and say little. */
  readonly sampling?: number;
  /** What to call the time from the frame's arrival at API Gateway to its answer. */
  readonly latency?: MetricName;
  /** What its log line says beside the connection and the request. */
  readonly fields?: (event: SocketEvent) => Record<string, unknown>;
}

/**
 * A handler of frames. The answer, a refusal too, goes back as a route response; always with status 200, since what API
 * Gateway makes of another is not documented.
 */
export const frames =
  (options: EdgeOptions, act: (event: SocketEvent) => Promise<ServerFrame | undefined>) =>
  async (event: SocketEvent): Promise<Reply> => {
    const frame = await logged(options, event, () => act(event)).catch(asFrame);
    return { statusCode: 200, ...(frame ? { body: JSON.stringify(frame) } : {}) };
  };

/** A handler of `$connect` or `$disconnect`: the status is the answer. */
export const lifecycle =
  (options: EdgeOptions, act: (event: SocketEvent) => Promise<Reply>) =>
  async (event: SocketEvent): Promise<Reply> => {
    try {
      return await logged(options, event, () => act(event));
    } catch (error) {
      const frame = asFrame(error);
      return { statusCode: frame.status, body: JSON.stringify(frame) };
    }
  };

/** The connection's age in milliseconds needs no read: every event brings `connectedAt`. */
export const ageOf = ({ requestContext }: SocketEvent): number => core.now() - requestContext.connectedAt;

const logged = <Result>(
  { operation, sampling = 1, latency, fields }: EdgeOptions,
  event: SocketEvent,
  act: () => Promise<Result>,
): Promise<Result> => {
  const { connectionId, requestId, requestTimeEpoch } = event.requestContext;
  const said = { connection: hashConnectionId(connectionId), requestId, ...fields?.(event) };
  const measured = latency ? { latency: { metric: latency, since: requestTimeEpoch } } : {};
  return work({ operation, sampling, fields: said, ...measured }, act);
};

/** What a client may see of an error: a refusal as it is, anything else as a fault of ours. */
const asFrame = (error: unknown) =>
  errorFrame(error instanceof Failure ? error : new Failure("INTERNAL_ERROR"), core.now());
