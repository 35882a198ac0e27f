import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import { UserError } from "../user-error.js";
import type { createHandler } from "./handler.js";

// Pooled SDK sockets must never meet a server that has just hung up: that is an ECONNRESET in the client.
const keepAliveTimeout = 75_000;

export interface Server {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** DynamoDB's JSON 1.0 protocol on the loopback interface. */
export const listen = async (port: number, handle: ReturnType<typeof createHandler>): Promise<Server> => {
  const server = createServer({ keepAliveTimeout, headersTimeout: keepAliveTimeout + 5_000 });
  server.on("request", (request, response) => {
    if (request.method === "POST") void respond(request, response, handle);
    else response.end(`healthy: dynamodb\n`);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening").catch((error) => {
    throw error.code === "EADDRINUSE"
      ? new UserError(`Port ${port} is in use: stop what runs there, or choose another with --port.`)
      : error;
  });
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
};

const respond = async (
  request: IncomingMessage,
  response: ServerResponse,
  handle: ReturnType<typeof createHandler>,
): Promise<void> => {
  const body = await bodyOf(request).catch(() => undefined);
  const answer = body === undefined ? "cut" : await handle(request.headers, body);
  if (answer === "cut") return void request.socket.destroy();
  const bytes = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": bytes.length,
    "x-amzn-requestid": randomUUID(),
    "x-amz-crc32": crc32(bytes),
  });
  response.end(bytes);
};

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => resolve(Buffer.concat(chunks).toString()));
    request.on("error", reject);
    request.on("aborted", reject);
  });
