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
