import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import type { LocalServer } from "../server.js";
import type { createHandler } from "./handler.js";

/** Has a server speak DynamoDB's JSON 1.0 protocol. */
export const serve = (server: LocalServer, handle: ReturnType<typeof createHandler>): void => {
  server.serve((request, response) => {
    if (request.method === "POST") void respond(request, response, handle);
    else response.end(`healthy: dynamodb\n`);
  });
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
