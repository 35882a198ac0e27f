import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const read = (url: URL): string => readFileSync(url, "utf8").trim();

const style = read(new URL("./browser/page.css", import.meta.url));
const script = read(new URL("./browser/page.js", import.meta.url));

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page as it is sent: one document, that brings its data by itself. */
export const html = read(new URL("./browser/page.html", import.meta.url))
  .replace("<style></style>", () => `<style>${style}</style>`)
  .replace("<script></script>", () => `<script>${script}</script>`);

/** Nothing runs or is loaded but what the page itself holds; data can only come from its own server. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
