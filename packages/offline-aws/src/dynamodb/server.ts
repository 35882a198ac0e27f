import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import type { LocalServer } from "../server.js";
import type { createHandler } from "./handler.js";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

/** Takes a request's headers, in lower case, and its body. `cut`: the connection ends without an answer. */
export type Exchange = (headers: IncomingHttpHeaders, body: string) => Promise<HttpAnswer | "cut">;

/** DynamoDB's JSON 1.0 protocol, without the sockets. */
export const createExchange =
  (handle: ReturnType<typeof createHandler>): Exchange =>
  async (request, body) => {
    const answer = await handle(request, body);
    if (answer === "cut") return "cut";
    const bytes = Buffer.from(answer.body);
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "content-length": String(bytes.length),
      "x-amzn-requestid": randomUUID(),
      "x-amz-crc32": String(crc32(bytes)),
    };
    return { status: answer.status, headers, bytes };
  };

/** Answers a server's requests. */
export const serve = (server: LocalServer, exchange: Exchange): void => {
  server.serve((request, response) => {
    if (request.method === "POST") void respond(request, response, exchange);
    else response.end(`healthy: dynamodb\n`);
  });
};

const respond = async (
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
): Promise<void> => {
  const body = await bodyOf(request).catch(() => undefined);
  const answer = body === undefined ? "cut" : await exchange(request.headers, body);
  if (answer === "cut") return void request.socket.destroy();
  response.writeHead(answer.status, answer.headers);
  response.end(answer.bytes);
};

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => resolve(Buffer.concat(chunks).toString()));
    request.on("error", reject);
    request.on("aborted", reject);
  });
