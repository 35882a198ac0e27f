import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { StatusState } from "./state.js";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
};

const folder = new URL("./browser/", import.meta.url);

/** The page's files by name: `page.html`, and the styles and modules that it loads. */
export const files: ReadonlyMap<string, string> = new Map(
  readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")]),
);

/** The page loads scripts, styles and data from its own server only. */
export const contentSecurityPolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface StatusPageOptions {
  readonly state: () => Promise<StatusState> | StatusState;
}

const path = "/_local";

/**
 * A page that shows what a stack does: `GET /_local`, with its data at `/_local/state.json`; `GET /` leads there. It
 * answers only to this machine's own names: a web site whose name resolves to 127.0.0.1 must not read it.
 */
export const createStatusPage = ({ state }: StatusPageOptions) => ({
  /** Answers requests for `/_local`, all below it, and `/`; returns whether this was one. */
  handleRequest: (request: IncomingMessage, response: ServerResponse): boolean => {
    const { pathname, searchParams } = new URL(
      `http://local${request.url?.startsWith("/") ? request.url : "/"}`,
    );
    const isRead = request.method === "GET" || request.method === "HEAD";
    // AWS services share this port and its root: only a plain read of the root is redirected.
    if (request.url === "/" && isRead) response.writeHead(302, { location: path, "content-length": 0 }).end();
    else if (pathname !== path && !pathname.startsWith(`${path}/`)) return false;
    else if (!localHosts.has((request.headers.host ?? "").toLowerCase().replace(/:\d+$/, "")))
      sendJson(response, 403, { message: "This page answers to localhost only." });
    else if (!isRead) {
      response.setHeader("allow", "GET, HEAD");
      sendJson(response, 405, { message: "This page can only be read." });
    } else void answer(pathname.slice(path.length + 1), Number(searchParams.get("after")), state, response);
    return true;
  },
});

const localHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** @param after the state's log lines up to this `seq` are left out */
const answer = async (
  name: string,
  after: number,
  state: StatusPageOptions["state"],
  response: ServerResponse,
): Promise<void> => {
  try {
    if (name === "state.json") {
      const { logs, ...rest } = await state();
      return sendJson(response, 200, { ...rest, logs: logs.filter(({ seq }) => seq > after) });
    }
    const fileName = name || "page.html";
    const body = files.get(fileName);
    if (body === undefined)
      return sendJson(response, 404, { message: "There is nothing here: the page is at /_local." });
    response.setHeader("content-security-policy", contentSecurityPolicy);
    send(response, 200, fileName, body);
  } catch (error) {
    sendJson(response, 500, { message: `The stack's state cannot be read: ${error}` });
  }
};

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, ".json", JSON.stringify(body));

/** For a HEAD request, Node sends the headers and drops the body. */
const send = (response: ServerResponse, status: number, fileName: string, body: string): void => {
  response
    .writeHead(status, {
      "content-type": types[fileName.split(".").at(-1) ?? ""],
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "x-frame-options": "DENY",
    })
    .end(body);
};
