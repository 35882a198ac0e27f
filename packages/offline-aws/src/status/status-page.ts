import type { IncomingMessage, ServerResponse } from "node:http";
import { contentSecurityPolicy, files } from "./page.js";
import type { StatusState } from "./state.js";

export interface StatusPageOptions {
  readonly state: () => Promise<StatusState> | StatusState;
}

export interface StatusPage {
  /** Answers requests for `/_local`, all below it, and `/`; returns whether this was one. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
}

const path = "/_local";

/**
 * A page that shows what a stack does: `GET /_local`, with its data at `/_local/state.json`; `GET /` leads there. It
 * answers only to this machine's own names: a web site whose name resolves to 127.0.0.1 must not read it.
 */
export const createStatusPage = ({ state }: StatusPageOptions): StatusPage => ({
  handleRequest: (request, response) => {
    const { pathname, searchParams } = new URL(
      `http://local${request.url?.startsWith("/") ? request.url : "/"}`,
    );
    const isRead = request.method === "GET" || request.method === "HEAD";
    // AWS services share this port and its root: only a plain read of the root is redirected.
    if (request.url === "/" && isRead) redirect(response);
    else if (pathname !== path && !pathname.startsWith(`${path}/`)) return false;
    else if (!isLocalHost(request.headers.host))
      refuse(response, 403, "This page answers to localhost only.");
    else if (!isRead) {
      response.setHeader("allow", "GET, HEAD");
      refuse(response, 405, "This page can only be read.");
    } else void answer(pathname.slice(path.length + 1), searchParams, state, response);
    return true;
  },
});

const redirect = (response: ServerResponse): void => {
  response.writeHead(302, { location: path, "content-length": 0 }).end();
};

const localHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

const isLocalHost = (host: string | undefined): boolean =>
  localHosts.has((host ?? "").toLowerCase().replace(/:\d+$/, ""));

const answer = async (
  name: string,
  query: URLSearchParams,
  state: StatusPageOptions["state"],
  response: ServerResponse,
): Promise<void> => {
  try {
    if (name === "state.json") {
      return sendJson(response, 200, since(await state(), Number(query.get("after") ?? 0)));
    }
    const file = files.get(name || "page.html");
    if (!file) return refuse(response, 404, "There is nothing here: the page is at /_local.");
    response.setHeader("content-security-policy", contentSecurityPolicy);
    send(response, 200, file.type, file.body);
  } catch (error) {
    refuse(response, 500, `The stack's state cannot be read: ${error}`);
  }
};

/** The state with only those log lines that came after `seq`. */
const since = (state: StatusState, seq: number): StatusState => ({
  ...state,
  logs: state.logs.filter((entry) => entry.seq > seq),
});

const refuse = (response: ServerResponse, status: number, message: string): void =>
  sendJson(response, status, { message });

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, "application/json; charset=utf-8", JSON.stringify(body));

/** For a HEAD request, Node sends the headers and drops the body. */
const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response
    .writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "x-frame-options": "DENY",
    })
    .end(body);
};
