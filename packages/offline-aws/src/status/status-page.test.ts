import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { contentSecurityPolicy } from "./page.js";
import type { LogEntry, StatusState } from "./state.js";
import { createStatusPage, type StatusPageOptions } from "./status-page.js";

const line = (seq: number, text = "hello"): LogEntry => ({
  seq,
  at: 0,
  functionName: "buy",
  requestId: "r",
  level: "info",
  text,
});

const state: StatusState = {
  app: "shop",
  stage: "local",
  region: "us-east-1",
  startedAt: 0,
  now: 0,
  endpoints: [],
  outputs: {},
  connections: 0,
  resources: [],
  functions: [],
  tables: [{ name: "Orders", itemCount: 1 }],
  metrics: [],
  alarms: [],
  notifications: [],
  logs: [line(1), line(2), line(3, "</script><script>alert(1)</script>")],
};

const serve = async (options: Partial<StatusPageOptions> = {}) => {
  const page = createStatusPage({ state: () => state, ...options });
  const server = http.createServer((request, response) => {
    if (!page.handleRequest(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
};

const statusFor = (port: number, host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    http
      .get({ host: "127.0.0.1", port, path: "/_local", headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on("error", reject);
  });

test("the page is one document that loads nothing from elsewhere", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local`);
  const html = await response.text();
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(html).not.toMatch(/(src|href)="(?!#|data:,)/);
  expect(html).not.toMatch(/@import|url\(/);
});

test("the page may run only its own script and style, by their hashes", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local`);
  expect(response.headers.get("content-security-policy")).toBe(contentSecurityPolicy);
  expect(contentSecurityPolicy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^ ]+'; script-src 'sha256-[^ ]+';/,
  );
  expect(contentSecurityPolicy).not.toContain("unsafe");
  const html = await response.text();
  const [, script = ""] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  expect(contentSecurityPolicy).toContain(`'sha256-${Buffer.from(digest).toString("base64")}'`);
  expect(html.match(/<script>/g)).toHaveLength(1);
});

test("the page never makes markup out of data", async () => {
  const { url } = await serve();
  const html = await (await fetch(`${url}/_local`)).text();
  expect(html).not.toMatch(
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\b|new Function/,
  );
});

test("the data is JSON, and nothing that a browser would take for a page", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local/state.json`);
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual(state);
});

test("a reader that has some of the log gets what came after", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local/state.json?after=2`);
  expect(await response.json()).toEqual({ ...state, logs: state.logs.slice(2) });
});

test("a table's rows are its first items with plain values", async () => {
  const item = {
    id: { S: "o-1" },
    total: { N: "12.50" },
    paid: { BOOL: true },
    tags: { SS: ["a", "b"] },
    at: { M: { city: { S: "Bern" }, gone: { NULL: true } } },
    note: { S: "n".repeat(2_000) },
  };
  const { url } = await serve({ rows: () => Array.from({ length: 30 }, () => item) });
  const row = {
    id: "o-1",
    total: "12.5",
    paid: "true",
    tags: '["a","b"]',
    at: '{"city":"Bern","gone":null}',
    note: "n".repeat(1_000),
  };
  const response = await fetch(`${url}/_local/rows.json?table=Orders`);
  expect(await response.json()).toEqual({ table: "Orders", rows: Array.from({ length: 20 }, () => row) });
});

test("only tables of the stack are looked into", async () => {
  const asked: string[] = [];
  const { url } = await serve({
    rows: (table) => {
      asked.push(table);
      return [];
    },
  });
  expect((await fetch(`${url}/_local/rows.json?table=Others`)).status).toBe(404);
  expect((await fetch(`${url}/_local/rows.json`)).status).toBe(404);
  expect(asked).toEqual([]);
});

test("only this machine's own names are answered, so that no other web site can read the page", async () => {
  const { port } = await serve();
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "LOCALHOST"])
    expect(await statusFor(port, host), host).toBe(200);
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "localhost."])
    expect(await statusFor(port, host), host).toBe(403);
});

test("the page can only be read", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local`, { method: "POST" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
});

test("requests for anything else are left to others", async () => {
  const { url } = await serve();
  for (const path of ["/", "/_localhost", "/prod/_local", "//_local", "/@connections/x"])
    expect((await fetch(url + path)).status, path).toBe(418);
  expect((await fetch(`${url}/_local/nothing`)).status).toBe(404);
});

test("a state that cannot be read is an answer too", async () => {
  const { url } = await serve({ state: () => Promise.reject(new Error("no")) });
  const response = await fetch(`${url}/_local/state.json`);
  expect([response.status, await response.json()]).toEqual([
    500,
    { message: "The stack's state cannot be read: Error: no" },
  ]);
});
