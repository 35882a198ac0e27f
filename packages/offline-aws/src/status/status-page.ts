import type { IncomingMessage, ServerResponse } from "node:http";
import type { Item } from "../dynamodb/index.js";
import { contentSecurityPolicy, html } from "./page.js";
import { rowOf } from "./row.js";
import type { StatusState } from "./state.js";

export interface StatusPageOptions {
  readonly state: () => Promise<StatusState> | StatusState;
  /** A table's first items; asked only for tables that the state has and the reader has opened. */
  readonly rows?: (table: string) => Promise<readonly Item[]> | readonly Item[];
}

export interface StatusPage {
  /** Answers requests for `/_local` and below, and returns whether this was one. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
}

const path = "/_local";
const maxRows = 20;

/**
 * A page that shows what a stack does: `GET /_local`, with its data at `/_local/state.json` and
 * `/_local/rows.json?table=…`. Only this machine's own names are answered, so that a web site whose name resolves to
 * 127.0.0.1 cannot read it.
 */
export const createStatusPage = (options: StatusPageOptions): StatusPage => ({
  handleRequest: (request, response) => {
    const { pathname, searchParams } = new URL(
      `http://local${request.url?.startsWith("/") ? request.url : "/"}`,
    );
    if (pathname !== path && !pathname.startsWith(`${path}/`)) return false;
    if (!isLocalHost(request.headers.host)) refuse(response, 403, "This page answers to localhost only.");
    else if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      refuse(response, 405, "This page can only be read.");
    } else void answer(pathname, searchParams, options, response);
    return true;
  },
});

const localHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

const isLocalHost = (host: string | undefined): boolean =>
  localHosts.has((host ?? "").toLowerCase().replace(/:\d+$/, ""));

const answer = async (
  pathname: string,
  query: URLSearchParams,
  options: StatusPageOptions,
  response: ServerResponse,
): Promise<void> => {
  try {
    switch (pathname) {
      case path:
      case `${path}/`:
        response.setHeader("content-security-policy", contentSecurityPolicy);
        return send(response, 200, "text/html; charset=utf-8", html);
      case `${path}/state.json`:
        return sendJson(response, 200, since(await options.state(), Number(query.get("after") ?? 0)));
      case `${path}/rows.json`:
        return await sendRows(query.get("table"), options, response);
      default:
        return refuse(response, 404, "There is nothing here: the page is at /_local.");
    }
  } catch (error) {
    refuse(response, 500, `The stack's state cannot be read: ${error}`);
  }
};

/** The state with the log lines that the reader does not have yet. */
const since = (state: StatusState, seq: number): StatusState => ({
  ...state,
  logs: state.logs.filter((entry) => entry.seq > seq),
});

const sendRows = async (
  table: string | null,
  { state, rows }: StatusPageOptions,
  response: ServerResponse,
): Promise<void> => {
  const known = (await state()).tables.some(({ name }) => name === table);
  if (table === null || !rows || !known) return refuse(response, 404, "There is no such table to look into.");
  const items = await rows(table);
  sendJson(response, 200, { table, rows: items.slice(0, maxRows).map(rowOf) });
};

const refuse = (response: ServerResponse, status: number, message: string): void =>
  sendJson(response, status, { message });

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, "application/json; charset=utf-8", JSON.stringify(body));

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response
    .writeHead(status, {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "x-frame-options": "DENY",
    })
    .end(body);
};
