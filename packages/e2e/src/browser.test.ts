import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { executablePath, launch, missing } from "./chromium.js";
import { type Stage, startStage } from "./stage.js";

let stage: Stage;
let server: Server;
let browser: Browser;
let page: Page;

/** Serves the page from another origin than the API's, as a web server does. Returns its address. */
const serve = async (): Promise<string> => {
  const html = await readFile(new URL("browser.html", import.meta.url));
  server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The page's server has no port");
  return `http://127.0.0.1:${address.port}`;
};

/** Fills in and sends one of the page's two forms. */
const submit = async (form: "speak" | "listen", fields: Record<string, string>, tellMe = true) => {
  for (const [name, value] of Object.entries(fields)) {
    await page.fill(`#${form} [name="${name}"]`, value);
  }
  await page.setChecked(`#${form} [name="errors"]`, tellMe);
  await page.click(`#${form} [type="submit"]`);
};

const click = (form: "speak" | "listen", button: string) => page.click(`#${form} [name="${button}"]`);

const shown = (form: "speak" | "listen") => page.locator(`#${form} li`).allTextContents();

const toShow = (form: "speak" | "listen") => expect.poll(() => shown(form));

/** Opens a session on the page. Returns the id that the page shows. */
const speak = async (): Promise<string> => {
  await submit("speak", { token: stage.token() });
  await toShow("speak").toEqual([
    "Opened with lectern.v1",
    expect.stringMatching(/^Created [a-z]+-[a-z]+-\d{3} in en$/),
  ]);
  const [, created = ""] = await shown("speak");
  return created.split(" ")[1] ?? "";
};

// CI must run every test: a missing browser fails there.
test.runIf(process.env.CI === "true")("there is a browser to test with", () => {
  expect(executablePath, missing).toBeDefined();
});

describe.skipIf(!executablePath)(
  executablePath ? "a page in a browser" : `a page in a browser (${missing})`,
  () => {
    beforeAll(async () => {
      stage = await startStage();
      const address = await serve();
      browser = await launch();
      page = await browser.newPage();
      await page.goto(`${address}?${new URLSearchParams({ api: stage.stack.webSocketUrl })}`);
    });

    afterEach(() => page?.reload());

    afterAll(async () => {
      await browser?.close();
      server?.close();
      await stage?.stop();
    });

    test("opens a session with its token as a subprotocol, sends a heartbeat and ends the session for its listener", async () => {
      const sessionId = await speak();
      await submit("listen", { sessionId });
      await toShow("listen").toEqual(["Opened", `Joined ${sessionId} in es`]);
      await click("speak", "heartbeat");
      await toShow("speak").toContain("Heard");
      await click("listen", "heartbeat");
      await toShow("listen").toContain("Heard");
      await click("speak", "endSession");
      const end = ["Heard", "Ended: The speaker has ended the session", "Closed with 1000"];
      await toShow("listen").toEqual(["Opened", `Joined ${sessionId} in es`, ...end]);
      await toShow("speak").toEqual(["Opened with lectern.v1", `Created ${sessionId} in en`, ...end]);
    });

    test("reads the reason of a refusal when it asks for errors=frame", async () => {
      await submit("listen", { sessionId: "golden-eagle-427" });
      await toShow("listen").toEqual([
        "Opened",
        "SESSION_NOT_FOUND: There is no active session with this id",
        "Closed with 1000",
      ]);
      const token = stage.stack.token({ username: "alice", expiresIn: -10 });
      await submit("speak", { token });
      await toShow("speak").toEqual([
        "Opened with lectern.v1",
        "TOKEN_EXPIRED: Token expired",
        "Closed with 1000",
      ]);
    });

    test("sees only code 1006 when it is refused without errors=frame", async () => {
      await submit("listen", { sessionId: "golden-eagle-427" }, false);
      await toShow("listen").toEqual(["Closed with 1006"]);
      await submit("speak", { token: "nonsense" }, false);
      await toShow("speak").toEqual(["Closed with 1006"]);
    });

    test("loses its session only for a while when it is reloaded", async () => {
      const sessionId = await speak();
      const listener = await stage.join(sessionId);
      await page.reload();
      await listener.next("speakerReconnecting");
      await listener.leave();
    });
  },
);
