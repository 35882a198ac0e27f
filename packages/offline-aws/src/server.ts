import http from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "./user-error.js";

export interface LocalServer {
  readonly server: http.Server;
  readonly port: number;
  /** Answers requests from here on; those that came before have waited for it. */
  serve(handle: http.RequestListener): void;
  close(): Promise<void>;
}

/**
 * Listens on this machine only. Pooled clients outlive Node's default keep-alive of five seconds.
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
