import { once } from "node:events";
import http from "node:http";
import type { Scope } from "@lectern/cli/scope";

/** Answers every request with 200 and the same body, on this machine only. Returns its address. */
export const startTrivialServer = async (scope: Pick<Scope, "defer">, body: string): Promise<string> => {
  const server = http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { "content-length": body.length }).end(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return `http://127.0.0.1:${address.port}`;
};
