import { existsSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { AlarmState, StatusState, TableState } from "./state.js";
import { createStatusPage } from "./status-page.js";

const executablePath = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) =>
  existsSync(path),
);

const now = Date.parse("2026-11-28T12:03:30Z");

const rooms: TableState = {
  name: "Rooms",
  keys: ["roomId"],
  indexed: ["roomId"],
  more: false,
  rows: [
    { createdAt: String(now - 60_000), roomId: "older" },
    { createdAt: String(now - 9_000), roomId: "newer", expiresAt: String(now / 1000 + 86_400), size: "12" },
  ],
};

const guests: TableState = {
  name: "Guests",
  keys: ["guestId"],
  indexed: ["guestId", "roomId"],
  more: true,
  rows: [
    { joinedAt: String(now - 9_000), roomId: "newer", guestId: "ann" },
    { joinedAt: String(now - 8_000), roomId: "gone", guestId: "bob" },
  ],
};

const limits: TableState = { name: "Limits", keys: ["id"], indexed: ["id"], more: false, rows: [] };

const alarm = (name: string, state: AlarmState["state"]): AlarmState => ({
  name,
  state,
  description: "",
  reason: "Because.",
  changedAt: now,
  value: 3,
  watches: "Sum of Errors",
  rule: "> 1; 1 of 1 × 60 s",
});

let state: StatusState;
let browser: Browser;

const missing = "No Chromium on this machine: apt-get install chromium-headless-shell";

beforeEach(() => {
  state = {
    app: "inn",
    stage: "local",
    region: "us-east-1",
    startedAt: now - 60_000,
    now,
    endpoints: [{ label: "HTTP", url: "http://127.0.0.1:4000" }],
    outputs: { Url: "wss://x" },
    connections: 2,
    resources: [{ type: "aws:iam/role:Role", names: ["R"] }],
    functions: [
      {
        name: "check-in",
        invocations: 2,
        errors: 1,
        coldStarts: 1,
        p50: 5,
        p95: 9,
        last: { at: now, text: "200, error logged", level: "error" },
      },
    ],
    tables: [limits, guests, rooms],
    metrics: [],
    alarms: [alarm("quiet", "OK"), alarm("calm", "OK"), alarm("loud", "ALARM")],
    notifications: [],
    logs: [],
  };
});

/** Opens the page; every complaint of the browser fails the test. */
const open = async (width = 1366): Promise<Page> => {
  const page = createStatusPage({ state: () => state });
  const server = http.createServer((request, response) => void page.handleRequest(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const tab = await browser.newPage({ viewport: { width, height: 800 }, timezoneId: "UTC" });
  const complaints: string[] = [];
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("console", (message) => complaints.push(message.text()));
  onTestFinished(async () => {
    await tab.close();
    server.close();
    server.closeAllConnections();
    expect(complaints).toEqual([]);
  });
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await tab.waitForSelector('.pulse[data-state="live"]');
  return tab;
};

// Where everything has to run, a missing browser fails rather than leaves this out.
test.runIf(process.env.CI === "true")("there is a browser to test with", () => {
  expect(executablePath, missing).toBeDefined();
});

describe.skipIf(!executablePath)(executablePath ? "the page in a browser" : missing, () => {
  beforeAll(async () => {
    const args = ["--headless", "--no-sandbox", "--disable-gpu"];
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args });
  });
  afterAll(() => browser?.close());

  test("a row comes with the rows of other tables that name its key, the last touched first", async () => {
    const page = await open();
    const summaries = await page.locator("#tables summary").allInnerTexts();
    expect(summaries.map((text) => text.replaceAll(/\s+/g, " "))).toEqual([
      "newer Rooms, 1 row in Guests",
      "older Rooms",
      "Guests, of no Rooms row 1 item",
      "Limits 0 items",
    ]);
    const newer = page.locator("#tables details").first();
    expect(await newer.locator("th").allInnerTexts()).toEqual(["guestId", "joinedAt"]);
    expect(await newer.locator("td").allInnerTexts()).toEqual(["ann", "12:03:21"]);
  });

  test("a number that can be a time is a clock with the exact time in its title; another stays a number", async () => {
    const page = await open();
    const attributes = page.locator("#tables details").first().locator("dl > div");
    expect((await attributes.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " "))).toEqual([
      "createdAt 12:03:21",
      "expiresAt 29 Nov 12:03:30",
      "size 12",
    ]);
    expect(await attributes.first().locator("time").getAttribute("title")).toBe("2026-11-28T12:03:21.000Z");
  });

  test("alarms that went off stand open; the others are one line", async () => {
    const page = await open();
    const shown = await page.locator("#alarms [data-body] > details > summary").allInnerTexts();
    expect(shown.map((text) => text.replaceAll(/\s+/g, " "))).toEqual([
      "ALARM loud 3 · alarm > 1",
      "2 alarms OK",
    ]);
    expect(await page.locator("#alarms [data-body] > details[open]").count()).toBe(1);
  });

  test("what the reader has unfolded stays so when the data changes", async () => {
    const page = await open();
    const limitsFold = page.locator('#tables details[data-key="Limits/"]');
    await limitsFold.locator("summary").click();
    state = { ...state, tables: [{ ...limits, rows: [{ id: "a" }] }, guests, rooms] };
    await expect.poll(() => limitsFold.locator("td").allInnerTexts()).toEqual(["a"]);
    expect(await limitsFold.getAttribute("open")).toBe("");
  });

  test.each([1366, 390])("nothing of the page is wider than a window of %d px", async (width) => {
    const page = await open(width);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
  });
});
