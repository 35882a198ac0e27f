import http from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "./user-error.js";

export interface LocalServer {
  readonly server: http.Server;
  readonly port: number;
  /** Sets the handler. Requests that came before wait for it. */
  serve(handle: http.RequestListener): void;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1. The keep-alive is long: pooled SDK sockets would outlive Node's default of five seconds and fail.
 * @throws {UserError} when the port is taken
 */
export const listen = async (port: number): Promise<LocalServer> => {
  const server = http.createServer({ keepAliveTimeout: 75_000, headersTimeout: 80_000 });
  const early: Parameters<http.RequestListener>[] = [];
  let answer: http.RequestListener = (...exchange) => void early.push(exchange);
  server.on("request", (...exchange) => answer(...exchange));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new UserError(`Port ${port} is in use: stop what runs there, or choose another with --port.`)
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => resolve());
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    serve: (handle) => {
      answer = handle;
      for (const exchange of early.splice(0)) handle(...exchange);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/**
 * Reads a request's body. A body of more than `limit` bytes is read to its end but not kept (`body` is empty): a client
 * reads the answer only after it has sent everything.
 */
export const readBody = (
  request: http.IncomingMessage,
  limit: number,
): Promise<{ readonly body: Buffer; readonly size: number } | "aborted"> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on("end", () => resolve({ body: Buffer.concat(chunks), size }));
    request.on("close", () => resolve("aborted"));
  });

/** Decodes a path or a part of it; broken percent-encoding stays as it is. */
export const decodePath = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
