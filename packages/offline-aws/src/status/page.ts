import { readdirSync, readFileSync } from "node:fs";

/** One file of the page as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

const folder = new URL("./browser/", import.meta.url);

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** The page's files by name: `page.html`, and the styles and modules that it loads. */
export const files: ReadonlyMap<string, PageFile> = new Map(
  readdirSync(folder).flatMap((name) => {
    const type = types[name.split(".").at(-1) ?? ""];
    return type ? [[name, { type, body: readFileSync(new URL(name, folder), "utf8") }] as const] : [];
  }),
);

/** The page runs and loads only files of its own server, and data can come only from there. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
