import { errorFrame, Failure, hashId, type MetricName } from "@lectern/core";
import type { ServerFrame } from "@lectern/protocol";
import type { APIGatewayProxyWebsocketEventV2 } from "aws-lambda";
import { core } from "./core.js";
import { instrumented } from "./invocation.js";

/** An event of the WebSocket API, with the fields that `$connect` and the authorizer add. */
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

interface HandlerOptions {
  readonly operation: string;
  /** The share of log lines and latencies that is written, from 0 to 1; 1 by default. */
  readonly sampling?: number;
  /** The metric for the time from the frame's arrival at API Gateway to its answer. */
  readonly latency?: MetricName;
  /** Fields of the log line beside the connection and the request. */
  readonly fields?: (event: SocketEvent) => Record<string, unknown>;
}

/**
 * A handler of frames. The answer, or the refusal, goes back as a route response. Its status is always 200, because API
 * Gateway does not document what it does with any other.
 */
export const frameHandler =
  (options: HandlerOptions, act: (event: SocketEvent) => Promise<ServerFrame | undefined>) =>
  async (event: SocketEvent): Promise<Reply> => {
    const frame = await instrumentedEvent(options, event, () => act(event)).catch(asFrame);
    return { statusCode: 200, ...(frame ? { body: JSON.stringify(frame) } : {}) };
  };

/** A handler of `$connect` or `$disconnect`: the status is the answer. */
export const lifecycleHandler =
  (options: HandlerOptions, act: (event: SocketEvent) => Promise<Reply>) =>
  async (event: SocketEvent): Promise<Reply> => {
    try {
      return await instrumentedEvent(options, event, () => act(event));
    } catch (error) {
      const frame = asFrame(error);
      return { statusCode: frame.status, body: JSON.stringify(frame) };
    }
  };

/** The connection's age (ms). It needs no read, because every event has `connectedAt`. */
export const ageOf = ({ requestContext }: SocketEvent): number => core.now() - requestContext.connectedAt;

const instrumentedEvent = <Result>(
  { operation, sampling = 1, latency, fields }: HandlerOptions,
  event: SocketEvent,
  act: () => Promise<Result>,
): Promise<Result> => {
  const { connectionId, requestId, requestTimeEpoch, authorizer } = event.requestContext;
  const logFields = {
    connection: hashId(connectionId),
    requestId,
    ...(authorizer?.userId ? { user: hashId(authorizer.userId) } : {}),
    ...fields?.(event),
  };
  const measured = latency ? { latency: { metric: latency, since: requestTimeEpoch } } : {};
  return instrumented({ operation, sampling, fields: logFields, ...measured }, act);
};

/** The frame for an error. A client sees a refusal as it is, and any other error as `INTERNAL_ERROR`. */
const asFrame = (error: unknown) =>
  errorFrame(error instanceof Failure ? error : new Failure("INTERNAL_ERROR"), core.now());
