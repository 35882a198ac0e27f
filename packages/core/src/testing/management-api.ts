import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Answer = number | "silence" | "cut" | { readonly status: number; readonly body: string };

/** A server in place of API Gateway's management API: it records the requests and answers as the test says. */
export const startManagementApi = async () => {
  const seen: Seen[] = [];
  let answers: Answer[] = [200];
  let connections = 0;
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? 200;
    if (answer === "silence") return;
    if (answer === "cut") return request.socket.destroy();
    const { status, body: text } = typeof answer === "number" ? { status: answer, body: "" } : answer;
    response.writeHead(status).end(text);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod`,
    seen,
    /** The answers to the next requests, in turn; the last one to all that follow. */
    answer: (...next: Answer[]) => {
      answers = next;
    },
    connections: () => connections,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
