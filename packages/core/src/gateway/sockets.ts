import http from "node:http";
import https from "node:https";
import * as v from "valibot";
import { postsAtOnce, SocketError, type Sockets } from "../port/sockets.js";
import { type Credentials, createSigner } from "./signer.js";

export interface SocketsOptions {
  /** `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Credentials;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long one try waits for its answer (ms); 3,000 by default. */
  readonly timeoutMs?: number;
  /** Waits between two tries. By default a timer. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const tries = 3;

/** The pause after the first try (ms); it quadruples with each further try. */
const pauseMs = { fault: 50, throttled: 500 };

/** The SDK's own type for a post, whose bytes API Gateway passes on as they are. */
const contentType = "application/octet-stream";

/**
 * The sockets by signed requests on kept-alive connections, without the SDK's client: that costs five times the CPU of a
 * call, and a tenth of a cold start. Throttling, server faults and cut connections are tried three times. Throttling means
 * that the whole account asks too much, so its pauses are longer.
 */
export const createSockets = (options: SocketsOptions): Sockets => {
  const { endpoint, region, credentials, now, timeoutMs = 3_000, pause = timer } = options;
  const { protocol, host, hostname, port, pathname } = new URL(endpoint);
  const transport = protocol === "http:" ? http : https;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: postsAtOnce });
  const sign = createSigner(region, "execute-api");

  const request = (method: string, connectionId: string, sentBody?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const path = `${pathname.replace(/\/$/, "")}/@connections/${encodeURIComponent(connectionId)}`;
      const headers = sign({
        method,
        host,
        path,
        body: sentBody ?? "",
        ...(sentBody === undefined ? {} : { contentType }),
        credentials: credentials(),
        now: now(),
      });
      const sent = transport.request(
        { agent, hostname, port, method, path, headers, timeout: timeoutMs },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (text) => {
            body += text;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
          response.on("error", reject);
        },
      );
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      sent.on("error", reject);
      sent.end(sentBody);
    });

  /** Resolves to the answer's body. */
  const call = async (method: string, connectionId: string, sentBody?: string): Promise<string | "gone"> => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await request(method, connectionId, sentBody).catch((error: Error) => error);
      if (!(answer instanceof Error)) {
        if (answer.status === 410) return "gone";
        if (answer.status < 300) return answer.body;
      }
      const isThrottled = !(answer instanceof Error) && answer.status === 429;
      const mayRetry = answer instanceof Error || isThrottled || answer.status >= 500;
      if (!mayRetry || attempt === tries) throw failed(method, answer);
      const firstMs = isThrottled ? pauseMs.throttled : pauseMs.fault;
      await pause(firstMs * 4 ** (attempt - 1) * (0.5 + Math.random()));
    }
  };

  return {
    send: async (connectionId, frame) =>
      (await call("POST", connectionId, JSON.stringify(frame))) === "gone" ? "gone" : "sent",
    close: async (connectionId) => {
      await call("DELETE", connectionId);
    },
    lastActiveAt: async (connectionId) => {
      const body = await call("GET", connectionId);
      return body === "gone" ? "gone" : lastActiveAtIn(body);
    },
  };
};

const stateSchema = v.pipe(v.string(), v.parseJson(), v.object({ lastActiveAt: v.string() }));

const lastActiveAtIn = (body: string): number => {
  const state = v.safeParse(stateSchema, body);
  const at = state.success ? Date.parse(state.output.lastActiveAt) : Number.NaN;
  if (Number.isNaN(at)) throw new SocketError("GET @connections failed: no lastActiveAt");
  return at;
};

const failed = (method: string, answer: Answer | Error): SocketError =>
  answer instanceof Error
    ? new SocketError(`${method} @connections failed: ${answer.message}`)
    : new SocketError(`${method} @connections failed: status ${answer.status}`, answer.status);

const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
