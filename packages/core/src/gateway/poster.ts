import http from "node:http";
import https from "node:https";
import { postsAtOnce, SocketError, type Sockets } from "../port/sockets.js";
import { type Credentials, createSigner } from "./signer.js";

export interface PosterOptions {
  /** `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Credentials;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long one try waits for its answer (ms); 3,000 by default. */
  readonly timeoutMs?: number;
}

const tries = 3;

/**
 * Sends and closes by signed requests on kept-alive connections, without the SDK's client. CPU per post limits a fan-out
 * to 500 listeners, and this costs a fifth of the client's. Throttling, server faults and cut connections are tried three
 * times.
 */
export const createPoster = (options: PosterOptions): Pick<Sockets, "send" | "close"> => {
  const { endpoint, region, credentials, now, timeoutMs = 3_000 } = options;
  const { protocol, host, hostname, port, pathname } = new URL(endpoint);
  const transport = protocol === "http:" ? http : https;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: postsAtOnce });
  const sign = createSigner(region, "execute-api");

  /** Resolves to the HTTP status. */
  const request = (method: string, connectionId: string, body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const path = `${pathname.replace(/\/$/, "")}/@connections/${encodeURIComponent(connectionId)}`;
      const headers = sign({ method, host, path, body, credentials: credentials(), now: now() });
      const sent = transport.request(
        { agent, hostname, port, method, path, headers, timeout: timeoutMs },
        (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
          response.on("error", reject);
        },
      );
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      sent.on("error", reject);
      sent.end(body);
    });

  const call = async (method: string, connectionId: string, body = ""): Promise<"sent" | "gone"> => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await request(method, connectionId, body).catch((error: Error) => error);
      if (answer === 410) return "gone";
      if (typeof answer === "number" && answer < 300) return "sent";
      const mayRetry = typeof answer !== "number" || answer === 429 || answer >= 500;
      if (!mayRetry || attempt === tries) throw failed(method, answer);
      await backoff(attempt);
    }
  };

  return {
    send: (connectionId, frame) => call("POST", connectionId, JSON.stringify(frame)),
    close: async (connectionId) => {
      await call("DELETE", connectionId);
    },
  };
};

const failed = (method: string, answer: number | Error): SocketError =>
  typeof answer === "number"
    ? new SocketError(`${method} @connections failed: status ${answer}`, answer)
    : new SocketError(`${method} @connections failed: ${answer.message}`);

const backoff = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 50 * 2 ** (attempt - 1) * (0.5 + Math.random())));
