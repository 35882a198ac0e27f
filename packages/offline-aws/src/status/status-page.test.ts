import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { LogEntry, StatusState } from "./state.js";
import { contentSecurityPolicy, createStatusPage, files, type StatusPageOptions } from "./status-page.js";

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
  tables: [{ name: "Orders", keys: ["id"], indexed: ["id"], rows: [{ id: "o-1" }], more: false }],
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

/** Every file that the page is made of, as its server sends it. */
const load = async (url: string) =>
  Promise.all(
    [...files.keys()].map(async (name) => ({
      name,
      text: await (await fetch(`${url}/_local/${name}`)).text(),
    })),
  );

test("the page loads nothing but its own files, which are there with their types", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local`);
  const html = await response.text();
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const loaded = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, target = ""]) => target);
  expect(loaded.filter((target) => target !== "data:,")).toEqual(["/_local/page.css", "/_local/page.js"]);
  const all = await load(url);
  for (const { name, text } of all) {
    expect(text, name).not.toMatch(/@import|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)\w/);
    for (const [, imported = ""] of text.matchAll(/from "([^"]+)"/g))
      expect(files.has(imported.replace("./", "")), imported).toBe(true);
  }
  for (const target of loaded.slice(1)) {
    const file = await fetch(url + target);
    const type = target.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    expect([file.status, file.headers.get("content-type")]).toEqual([200, type]);
    expect(file.headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test("the page may run only scripts and styles that are files of its server", async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/_local`);
  expect(response.headers.get("content-security-policy")).toBe(contentSecurityPolicy);
  expect(contentSecurityPolicy).toMatch(/^default-src 'none'; style-src 'self'; script-src 'self';/);
  expect(contentSecurityPolicy).not.toContain("unsafe");
  expect(await response.text()).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=| style=/);
});

test("the page never makes markup out of data", async () => {
  const { url } = await serve();
  for (const { name, text } of await load(url))
    expect(text, name).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\b|new Function/,
    );
});

test("a HEAD request gets the page's headers and no body", async () => {
  const { url } = await serve();
  const [get, head] = [await fetch(`${url}/_local`), await fetch(`${url}/_local`, { method: "HEAD" })];
  const headersOf = ({ headers }: Response) =>
    Object.fromEntries([...headers].filter(([name]) => !["date", "connection", "keep-alive"].includes(name)));
  expect(head.status).toBe(200);
  expect(headersOf(head)).toEqual(headersOf(get));
  expect(await head.text()).toBe("");
});

test("the root leads a reader to the page, and is left to others for all else", async () => {
  const { url } = await serve();
  for (const method of ["GET", "HEAD"]) {
    const response = await fetch(url, { method, redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/_local"]);
  }
  expect((await fetch(url, { method: "POST" })).status).toBe(418);
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
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("requests for anything else are left to others", async () => {
  const { url } = await serve();
  for (const path of ["/?list-type=2", "/_localhost", "/prod/_local", "//_local", "/@connections/x"])
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
