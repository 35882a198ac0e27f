import {
  ApiGatewayManagementApiClient,
  ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { SocketError, type Sockets } from "../port/sockets.js";

export interface SocketsOptions {
  /** `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  readonly endpoint: string;
  readonly region: string;
  /** How long one try waits for its answer (ms); 3,000 by default. */
  readonly timeoutMs?: number;
}

/**
 * The sockets by the SDK's client, which tries three times after throttling, server faults and cut connections. A fan-out
 * to hundreds of clients needs `createPoster` beside it: a post by this client costs five times the CPU.
 */
export const createSockets = ({ endpoint, region, timeoutMs = 3_000 }: SocketsOptions): Sockets => {
  const client = new ApiGatewayManagementApiClient({
    endpoint,
    region,
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  return {
    send: async (ConnectionId, frame) => {
      const post = new PostToConnectionCommand({ ConnectionId, Data: Buffer.from(JSON.stringify(frame)) });
      const answer = await goneOr("POST", client.send(post));
      return answer === "gone" ? "gone" : "sent";
    },
    close: async (ConnectionId) => {
      await goneOr("DELETE", client.send(new DeleteConnectionCommand({ ConnectionId })));
    },
    lastActiveAt: async (ConnectionId) => {
      const answer = await goneOr("GET", client.send(new GetConnectionCommand({ ConnectionId })));
      if (answer === "gone") return "gone";
      if (!answer.LastActiveAt) throw new SocketError("GET @connections failed: no lastActiveAt");
      return answer.LastActiveAt.getTime();
    },
  };
};

/** Translates the SDK's errors. They may quote the URL, and so a connection's id; a SocketError does not. */
const goneOr = async <Answer>(method: string, call: Promise<Answer>): Promise<Answer | "gone"> => {
  try {
    return await call;
  } catch (error) {
    const status =
      error instanceof ApiGatewayManagementApiServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status === 410) return "gone";
    const why = status === undefined ? nameOf(error) : `status ${status}`;
    throw new SocketError(`${method} @connections failed: ${why}`, status);
  }
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "unknown error");
