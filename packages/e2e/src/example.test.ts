import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { executablePath, launch, missing } from "./chromium.js";
import { root, useStage } from "./stage.js";

// Runs the examples of the client guide as the guide says.

const examples = path.join(root, "docs/example");

/** A network between clients and stack that a test can cut. */
interface Network {
  readonly url: string;
  /** Destroys every connection. */
  cut(): void;
  /** Destroys every connection and refuses new ones until the returned function is called. */
  fail(): () => void;
  close(): void;
}

const portOf = (server: net.Server): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return address.port;
};

const startNetwork = async (webSocketUrl: string): Promise<Network> => {
  const { port, pathname } = new URL(webSocketUrl);
  const sockets = new Set<net.Socket>();
  let isDown = false;
  const server = net.createServer((near) => {
    if (isDown) return near.destroy();
    const far = net.connect(Number(port), "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `ws://127.0.0.1:${portOf(server)}${pathname}`,
    cut,
    fail: () => {
      isDown = true;
      cut();
      return () => {
        isDown = false;
      };
    },
    close: () => {
      cut();
      server.close();
    },
  };
};

/** Shorter than API Gateway's idle limit of ten minutes, so that the clock can be set past it with sockets open. */
const refreshMinutes = 5;
/** Real time: a client gives up a connection when an acknowledgement takes longer. */
const heartbeatMs = 2_000;

const stage = useStage({
  connectionRefreshMinutes: `${refreshMinutes}`,
  rateLimitHeartbeatsPerMin: "10000",
  rateLimitListenerJoinsPerMin: "1000",
  rateLimitConnectionAttemptsPerMin: "1000",
});
let network: Network;
const children: ChildProcess[] = [];

beforeAll(async () => {
  network = await startNetwork(stage.stack.webSocketUrl);
  // On a busy machine a cold start may take longer than `heartbeatMs`: warm the function up.
  const speaker = await stage.create();
  await speaker.ask({ action: "heartbeat" }, "heartbeatAck");
  await speaker.leave();
});

afterEach(() => {
  for (const { pid, exitCode } of children.splice(0)) {
    if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGKILL");
  }
});

afterAll(() => network?.close());

/** A running example. */
interface Program {
  /** The lines that it has printed so far. */
  readonly lines: readonly string[];
  /** Waits until it has printed this, and returns the line. */
  says(line: RegExp | string): Promise<string>;
  type(line: string): void;
  readonly ended: Promise<number | null>;
}

const run = (command: string, args: readonly string[], environment: Record<string, string> = {}): Program => {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, HEARTBEAT_MS: `${heartbeatMs}`, ...environment },
    stdio: ["pipe", "pipe", "ignore"],
    // A shell's own children end with it.
    detached: true,
  });
  children.push(child);
  const lines: string[] = [];
  let rest = "";
  child.stdout.on("data", (chunk) => {
    const parts = `${rest}${chunk}`.split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  const isIt = (wanted: RegExp | string) => (line: string) =>
    typeof wanted === "string" ? line === wanted : wanted.test(line);
  return {
    lines,
    says: async (wanted) => {
      await expect.poll(() => lines).toSatisfy((said: string[]) => said.some(isIt(wanted)));
      return lines.find(isIt(wanted)) ?? "";
    },
    type: (line) => child.stdin.write(`${line}\n`),
    ended: new Promise((resolve) => child.on("close", resolve)),
  };
};

const node = (example: string, ...args: string[]) => [path.join(examples, example), ...args];

const speak = async (): Promise<Program & { readonly sessionId: string }> => {
  const speaker = run(process.execPath, node("speaker.mjs", network.url, "en"), { TOKEN: stage.token() });
  const opened = await speaker.says(/^Session [a-z]+-[a-z]+-\d{3} is open$/);
  return { ...speaker, sessionId: opened.split(" ")[1] ?? "" };
};

const listen = async (sessionId: string, language = "es"): Promise<Program> => {
  const listener = run(process.execPath, node("listener.mjs", network.url, sessionId, language));
  await listener.says(`Listening to ${sessionId} in ${language}`);
  return listener;
};

/** The output of an example in the guide: the block after its call. */
const printed = async (example: string, sessionId: string): Promise<string[]> => {
  const guide = await readFile(path.join(root, "docs/client-guide.md"), "utf8");
  const call = guide.indexOf(`node docs/example/${example}`);
  const [, block = ""] = guide.slice(call).match(/```text\n([\s\S]+?)\n```/) ?? [];
  return block.replaceAll("golden-eagle-427", sessionId).split("\n");
};

const count = (lines: readonly string[], line: string): number =>
  lines.filter((said) => said === line).length;

describe("in Node", () => {
  test("a speaker opens a session, asks for its status and ends it, and prints what the guide says", async () => {
    const speaker = await speak();
    const listener = await listen(speaker.sessionId);
    speaker.type("status");
    await speaker.says('1 listening: {"es":1}');
    speaker.type("end");
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
    expect(speaker.lines).toEqual(await printed("speaker.mjs", speaker.sessionId));
  });

  test("a listener hears of the speaker's reconnection, refreshes and hears the end, and prints what the guide says", async () => {
    const speaker = await speak();
    // Not through the network that is cut.
    const { webSocketUrl } = stage.stack;
    const listener = run(process.execPath, node("listener.mjs", webSocketUrl, speaker.sessionId, "es"));
    await listener.says(`Listening to ${speaker.sessionId} in es`);
    // Until the loss is announced: nobody hears of a speaker who is back at once.
    const mend = network.fail();
    await listener.says("The speaker is reconnecting");
    mend();
    await listener.says("The speaker is back");
    stage.stack.clock.advance(refreshMinutes * 60_000);
    await listener.says("Refreshed");
    speaker.type("end");
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
    expect(listener.lines).toEqual(await printed("listener.mjs", speaker.sessionId));
  });

  test("both refresh twice, and no connection is lost", async () => {
    const speaker = await speak();
    const listener = await listen(speaker.sessionId);
    for (let round = 1; round <= 2; round += 1) {
      stage.stack.clock.advance(refreshMinutes * 60_000);
      for (const { lines } of [speaker, listener]) {
        await expect.poll(() => count(lines, "Refreshed")).toBe(round);
      }
      await stage.stack.idle();
      expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(2);
      expect(await stage.sessionOf(speaker.sessionId)).toMatchObject({ isActive: true, listenerCount: 1 });
    }
    speaker.type("end");
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
    expect(listener.lines.filter((line) => line.startsWith("Lost"))).toEqual([]);
  });

  test("both reconnect after a network failure", async () => {
    const speaker = await speak();
    const listener = await listen(speaker.sessionId);
    network.cut();
    await speaker.says(/^Lost \(closed with 1006\): again in \d s$/);
    await speaker.says("Refreshed");
    await listener.says(/^Lost \(closed with 1006\): again in \d s$/);
    await listener.says("Refreshed");
    speaker.type("end");
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
  });

  test("both move to another address when a drain asks them to, and reconnect there later", async () => {
    const speaker = await speak();
    const listener = await listen(speaker.sessionId);
    const elsewhere = await startNetwork(stage.stack.webSocketUrl);
    onTestFinished(elsewhere.close);
    stage.stack.clock.advance(20_000);
    // The first attempt of one client fails, and the drain does not ask again.
    stage.stack.throttle("session-connection-handler-local", 1);
    await stage.stack.invoke("session-drain-local", { limit: 500, url: elsewhere.url });
    await Promise.all([speaker, listener].map(({ says }) => says("Refreshed")));
    await stage.stack.idle();
    network.cut();
    speaker.type("status");
    await speaker.says('1 listening: {"es":1}');
    elsewhere.cut();
    await expect.poll(() => count(speaker.lines, "Refreshed")).toBe(2);
    await expect.poll(() => count(listener.lines, "Refreshed")).toBe(2);
    speaker.type("end");
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
    for (const { lines } of [speaker, listener]) {
      expect(lines.filter((line) => line.startsWith("Lost"))).toHaveLength(1);
    }
  });

  test("a final refusal ends the example with its reason", async () => {
    const listener = run(process.execPath, node("listener.mjs", network.url, "golden-eagle-427", "es"));
    expect(await listener.ended).toBe(1);
    expect(listener.lines).toEqual(["Refused: SESSION_NOT_FOUND, There is no active session with this id"]);
    const speaker = run(process.execPath, node("speaker.mjs", network.url, "en"), {
      TOKEN: stage.stack.token({ username: "alice", expiresIn: -10 }),
    });
    expect(await speaker.ended).toBe(1);
    // A new token might help, so the speaker tries once more.
    expect(speaker.lines).toEqual([
      "Lost (TOKEN_EXPIRED: Token expired): again in 1 s",
      "Refused: TOKEN_EXPIRED, Token expired",
    ]);
    const stranger = run(process.execPath, node("speaker.mjs", network.url, "en"), { TOKEN: "" });
    expect(await stranger.ended).toBe(1);
    expect(stranger.lines).toEqual(["Refused: UNAUTHORIZED, Nobody is signed in"]);
  });

  test("a speaker gets an error for a mistyped action", async () => {
    const speaker = await speak();
    speaker.type("stauts");
    await speaker.says("Refused: INVALID_ACTION, Unknown action");
    speaker.type("end");
    expect(await speaker.ended).toBe(0);
  });

  test("without the import of ws the listener runs on Node's own WebSocket", async () => {
    const text = await readFile(path.join(examples, "listener.mjs"), "utf8");
    const folder = await mkdtemp(path.join(tmpdir(), "lectern-example-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await copyFile(path.join(examples, "connection.mjs"), path.join(folder, "connection.mjs"));
    await writeFile(path.join(folder, "listener.mjs"), text.replace(/^import WebSocket .+\n/m, ""));
    const speaker = await speak();
    const flags = globalThis.WebSocket === undefined ? ["--experimental-websocket"] : [];
    const listener = run(process.execPath, [
      ...flags,
      path.join(folder, "listener.mjs"),
      network.url,
      speaker.sessionId,
      "es",
    ]);
    await listener.says(`Listening to ${speaker.sessionId} in es`);
    speaker.type("end");
    expect(await listener.ended).toBe(0);
  });

  test("a temporary failure is retried, and the handshake's status is printed", async () => {
    stage.stack.throttle("session-connection-handler-local", 1);
    const speaker = await speak();
    expect(speaker.lines[0]).toMatch(/^Lost \(Unexpected server response: 5\d\d\): again in \d s$/);
    speaker.type("end");
    await speaker.ended;
  });
});

describe("with wscat", () => {
  /** The guide's lines, with this stack and session, and without npx's own start. */
  const lines = async (sessionId: string): Promise<string[]> => {
    const guide = await readFile(path.join(root, "docs/client-guide.md"), "utf8");
    return [...guide.matchAll(/^(sleep \d+ \| )?npx wscat .+$/gm)].map(([line]) =>
      line
        .replace("npx wscat", "node_modules/.bin/wscat")
        .replace("ws://127.0.0.1:4000/prod", stage.stack.webSocketUrl)
        .replace("golden-eagle-427", sessionId),
    );
  };
  /** wscat's prompt may precede a frame. */
  const frame = (type: string) => new RegExp(`^(> )*\\{"type":"${type}",.*\\}$`);

  test("the guide's lines for a speaker, a listener and a script work", async () => {
    const [speakerLine = ""] = await lines("");
    const speaker = run("sh", ["-c", speakerLine]);
    const { sessionId } = JSON.parse((await speaker.says(frame("sessionCreated"))).replace(/^(> )*/, ""));
    const [, listenerLine = "", scriptLine = "", ...others] = await lines(sessionId);
    expect(others).toEqual([]);
    const listener = run("sh", ["-c", listenerLine]);
    await listener.says(frame("sessionJoined"));
    listener.type('{"action":"heartbeat"}');
    await listener.says(frame("heartbeatAck"));
    // The input stays open, as with the guide's `sleep`, but however long a busy machine needs.
    const script = run("sh", ["-c", scriptLine.replace(/^sleep \d+ \| /, "")]);
    expect(await script.ended).toBe(0);
    expect(script.lines).toEqual([
      expect.stringMatching(/sessionJoined|heartbeatAck/),
      expect.stringMatching(/sessionJoined|heartbeatAck/),
    ]);
    speaker.type('{"action":"getSessionStatus"}');
    await speaker.says(frame("sessionStatus"));
    speaker.type('{"action":"endSession"}');
    await Promise.all([speaker, listener].map(({ says }) => says(frame("sessionEnded"))));
    expect([await speaker.ended, await listener.ended]).toEqual([0, 0]);
  });

  test("a listener sees the reason of a refusal", async () => {
    const [, listenerLine = ""] = await lines("golden-eagle-999");
    const listener = run("sh", ["-c", listenerLine]);
    await listener.says(/"type":"error",.*"code":"SESSION_NOT_FOUND"/);
    await listener.ended;
  });
});

describe.skipIf(!executablePath)(executablePath ? "in a browser" : `in a browser (${missing})`, () => {
  let server: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    // From another origin than the API's, as a web server does.
    server = createServer(async ({ url = "/" }, response) => {
      const file = path.join(examples, path.basename(new URL(url, "http://localhost").pathname));
      response.setHeader("Content-Type", file.endsWith(".html") ? "text/html" : "text/javascript");
      response.end(await readFile(file));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await launch();
    page = await browser.newPage();
    const query = new URLSearchParams({ api: network.url, heartbeatMs: `${heartbeatMs}` });
    await page.goto(`http://127.0.0.1:${portOf(server)}/browser.html?${query}`);
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const submit = async (form: "speak" | "listen", fields: Record<string, string>) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${form} [name="${name}"]`, value);
    await page.click(`#${form} [type="submit"]`);
  };
  const shown = (form: "speak" | "listen") => page.locator(`#${form} li`).allTextContents();
  const toShow = (form: "speak" | "listen") => expect.poll(() => shown(form));

  test("a speaker and a listener refresh, reconnect after a network failure, and see the end", async () => {
    await submit("speak", { token: stage.token() });
    await toShow("speak").toEqual([expect.stringMatching(/^Session .+ is open$/)]);
    const sessionId = (await shown("speak"))[0]?.split(" ")[1] ?? "";
    const listening = `Listening to ${sessionId} in es`;
    await submit("listen", { sessionId });
    await toShow("listen").toEqual([listening]);

    stage.stack.clock.advance(refreshMinutes * 60_000);
    await toShow("speak").toContain("Refreshed");
    await toShow("listen").toContain("Refreshed");

    network.cut();
    const lost = expect.stringMatching(/^Lost \(closed with 1006\): again in \d s$/);
    await toShow("speak").toEqual([expect.any(String), "Refreshed", lost, "Refreshed"]);
    await expect
      .poll(async () => (await shown("listen")).filter((line) => !line.startsWith("The speaker")))
      .toEqual([listening, "Refreshed", lost, "Refreshed"]);

    await page.click("[name=end]");
    await toShow("speak").toContain("Over: The speaker has ended the session");
    await toShow("listen").toContain("Over: The speaker has ended the session");
  });

  test("a speaker who reloads the page continues the session, and opens another after its end", async () => {
    const token = stage.token();
    await submit("speak", { token });
    await toShow("speak").toEqual([expect.stringMatching(/^Session .+ is open$/)]);
    await page.reload();
    await submit("speak", { token });
    await toShow("speak").toEqual(["Refreshed"]);
    await page.click("[name=end]");
    await toShow("speak").toEqual(["Refreshed", "Over: The speaker has ended the session"]);
    await submit("speak", { token });
    await toShow("speak").toEqual([expect.stringMatching(/^Session .+ is open$/)]);
    // A refused sign-in keeps the session; the next sign-in continues it.
    await page.reload();
    await submit("speak", { token: "" });
    await toShow("speak").toEqual(["Refused: UNAUTHORIZED, Nobody is signed in"]);
    await submit("speak", { token });
    await toShow("speak").toEqual(["Refreshed"]);
    // Submitting again leaves the session and opens another.
    await submit("speak", { token });
    await toShow("speak").toEqual([expect.stringMatching(/^Session .+ is open$/)]);
  });

  test("a final refusal is shown, without a retry", async () => {
    await submit("listen", { sessionId: "golden-eagle-999" });
    await toShow("listen").toEqual(["Refused: SESSION_NOT_FOUND, There is no active session with this id"]);
  });
});
