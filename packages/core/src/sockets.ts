import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { ServerFrame } from "@lectern/protocol";

/** The clients' sockets, by connection id, as API Gateway's management API reaches them. */
export interface Sockets {
  /** Sends one frame. `gone`: no such socket, or, right after its handshake, not yet. */
  send(connectionId: string, frame: ServerFrame): Promise<"sent" | "gone">;
  /** Closes a socket with 1000; one that is gone already is as good as closed. */
  close(connectionId: string): Promise<void>;
  /** When the socket last saw traffic (ms since the epoch). */
  lastActiveAt(connectionId: string): Promise<number | "gone">;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SocketsOptions {
  /** `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Credentials;
  readonly now: () => number;
  /** How long one try waits for its answer; 3 s unless set. */
  readonly timeoutMs?: number;
}

/** A management call that failed for another reason than the socket being gone. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

const tries = 3;

/** How many clients it is worth posting to at once: above the agent's sockets more would only queue. */
export const postsAtOnce = 50;

/**
 * Talks to `@connections` without the SDK's client: a fan-out to 500 listeners is bound by CPU per post, and a
 * cached signing key on kept-alive connections takes a seventh of the client's. Throttling and server faults are
 * tried three times.
 */
export const createSockets = ({
  endpoint,
  region,
  credentials,
  now,
  timeoutMs = 3_000,
}: SocketsOptions): Sockets => {
  const { protocol, host, hostname, port, pathname } = new URL(endpoint);
  const transport = protocol === "http:" ? http : https;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: postsAtOnce });
  const sign = createSigner(region, "execute-api");

  const once = (method: string, connectionId: string, body: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const path = `${pathname.replace(/\/$/, "")}/@connections/${encodeURIComponent(connectionId)}`;
      const headers = sign({ method, host, path, body, credentials: credentials(), now: now() });
      const request = transport.request(
        { agent, hostname, port, method, path, headers, timeout: timeoutMs },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
          response.on("error", reject);
        },
      );
      request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.on("error", reject);
      request.end(body);
    });

  const call = async (method: string, connectionId: string, body = ""): Promise<Answer | "gone"> => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(method, connectionId, body).catch((error: Error) => error);
      if (!(answer instanceof Error)) {
        if (answer.status === 410) return "gone";
        if (answer.status < 300) return answer;
        if (answer.status !== 429 && answer.status < 500) throw failed(method, answer.status);
      }
      if (attempt === tries) {
        throw answer instanceof Error
          ? failed(method, undefined, answer.message)
          : failed(method, answer.status);
      }
      await backoff(attempt);
    }
  };

  return {
    send: async (connectionId, frame) => {
      const answer = await call("POST", connectionId, JSON.stringify(frame));
      return answer === "gone" ? "gone" : "sent";
    },
    close: async (connectionId) => {
      await call("DELETE", connectionId);
    },
    lastActiveAt: async (connectionId) => {
      const answer = await call("GET", connectionId);
      return answer === "gone" ? "gone" : lastActiveIn(answer.text);
    },
  };
};

interface Answer {
  readonly status: number;
  readonly text: string;
}

const failed = (method: string, status: number | undefined, why = `status ${status}`): SocketError =>
  new SocketError(`${method} @connections failed: ${why}`, status);

const backoff = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 50 * 2 ** (attempt - 1) * (0.5 + Math.random())));

const lastActiveIn = (text: string): number => {
  const { lastActiveAt } = JSON.parse(text);
  return Date.parse(lastActiveAt);
};

interface Signable {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly body: string;
  readonly credentials: Credentials;
  readonly now: number;
}

/** AWS Signature Version 4; the key of a day is derived once. */
export const createSigner = (region: string, service: string) => {
  let cached: { id: string; key: Buffer } | undefined;

  const signingKey = (secret: string, day: string): Buffer => {
    const id = `${day}/${secret}`;
    if (cached?.id !== id) {
      const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secret}`);
      cached = { id, key: Buffer.from(key) };
    }
    return cached.key;
  };

  return ({ method, host, path, body, credentials, now }: Signable): Record<string, string> => {
    const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "");
    const day = time.slice(0, 8);
    const scope = `${day}/${region}/${service}/aws4_request`;
    const headers: Record<string, string> = {
      host,
      "x-amz-date": time,
      ...(credentials.sessionToken ? { "x-amz-security-token": credentials.sessionToken } : {}),
    };
    const signed = Object.keys(headers).join(";");
    const canonical = [
      method,
      path.split("/").map(encodeURIComponent).join("/"),
      "",
      ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
      "",
      signed,
      sha256(body),
    ].join("\n");
    const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
    const signature = hmac(signingKey(credentials.secretAccessKey, day), toSign).toString("hex");
    const credential = `${credentials.accessKeyId}/${scope}`;
    return {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${signature}`,
    };
  };
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
