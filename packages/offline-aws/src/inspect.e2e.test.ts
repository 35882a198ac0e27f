import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { program, startTool, temporaryProject } from "./testing.js";

/** The line of the handler that returns, as an editor counts. */
const breakpointLine = 5;

const handler = `
interface Event { readonly body: string }

export const handler = async ({ body }: Event) => {
  return { statusCode: 200, body };
};
`;

const api = program(`
  const api = new sst.aws.ApiGatewayWebSocket("Api");
  const route = api.route("hold", { handler: "src/hold.handler", timeout: "1 second" }, {
    transform: { route: { routeResponseSelectionExpression: "$default" } },
  });
  new aws.apigatewayv2.RouteResponse("HoldResponse", {
    apiId: api.nodes.api.id,
    routeId: $output(route.nodes.route).id,
    routeResponseKey: "$default",
  });
`);

const position = v.object({ lineNumber: v.number(), columnNumber: v.number() });

const callFrames = v.looseTuple([v.object({ location: position })]);

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
}

/** A debugger that talks to worker threads through the process's port, as VS Code does. */
const attach = async (url: string) => {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const seen: Message[] = [];
  socket.on("message", (data) => {
    const message: Message = JSON.parse(String(data));
    const inner = message.method === "NodeWorker.receivedMessageFromWorker" && message.params?.message;
    seen.push(typeof inner === "string" ? JSON.parse(inner) : message);
  });
  await once(socket, "open");
  let id = 0;
  const send = (method: string, params: object = {}): number => {
    id += 1;
    socket.send(JSON.stringify({ id, method, params }));
    return id;
  };
  const find = async (matches: (message: Message) => boolean): Promise<Message> => {
    await expect.poll(() => seen.some(matches)).toBe(true);
    return seen.find(matches) ?? {};
  };
  return {
    /** Calls the process itself and waits for its answer. */
    call: (method: string, params: object = {}) => {
      const called = send(method, params);
      return find((message) => message.id === called && message.method === undefined);
    },
    detach: () => socket.close(),
    count: (method: string) => seen.filter((message) => message.method === method).length,
    event: (method: string, matches = (_: Record<string, unknown>) => true) =>
      find((message) => message.method === method && matches(message.params ?? {})),
    /** Asks a worker and waits for its answer. */
    ask: async (sessionId: unknown, method: string, params: object = {}) => {
      id += 1;
      const asked = id;
      const message = JSON.stringify({ id: asked, method, params });
      send("NodeWorker.sendMessageToWorker", { sessionId, message });
      return (await find((each) => each.id === asked && each.method === undefined)).result ?? {};
    },
  };
};

/** Where a source's line begins in a bundle, by the bundle's source map; both count from 0. */
const generated = (map: SourceMap, bundle: string, source: string, line: number) => {
  for (const [lineNumber, text] of bundle.split("\n").entries()) {
    for (let columnNumber = 0; columnNumber < text.length; columnNumber += 1) {
      const entry = map.findEntry(lineNumber, columnNumber);
      const isThere = "originalSource" in entry && entry.originalSource.endsWith(source);
      if (isThere && entry.originalLine === line) return { lineNumber, columnNumber };
    }
  }
  throw new Error(`${source}:${line + 1} is not in the bundle.`);
};

test("a debugger stops a handler at a line of its TypeScript file, for longer than the function's timeout, and the answer still comes", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": api, "src/hold.ts": handler });
  const tool = startTool(["start", "--json", "--port", "0", "--inspect=0"], { cwd });
  onTestFinished(() => void tool.child.kill("SIGKILL"));
  const stack = JSON.parse(await tool.firstLine);
  expect(stack.inspectorUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\//);

  const client = new WebSocket(stack.webSocketUrl);
  await once(client, "open");
  const answers: string[] = [];
  client.on("message", (data) => answers.push(String(data)));
  const ask = (word: string) => client.send(JSON.stringify({ action: "hold", word }));

  const debug = await attach(stack.inspectorUrl);
  // A thread that starts before the answer would not wait for the debugger.
  await debug.call("NodeWorker.enable", { waitForDebuggerOnStart: true });
  // The function starts with its first event, and the debugger finds its thread by the function's name.
  ask("first");
  const worker = await debug.event("NodeWorker.attachedToWorker", ({ workerInfo }) =>
    JSON.stringify(workerInfo).includes("fixture-local-"),
  );
  const sessionId = worker.params?.sessionId;
  await debug.ask(sessionId, "Debugger.enable");
  await debug.ask(sessionId, "Runtime.runIfWaitingForDebugger");
  await debug.event("Debugger.paused", ({ reason }) => reason === "Break on start");
  await debug.ask(sessionId, "Debugger.resume");
  await expect.poll(() => answers).toHaveLength(1);

  const script = await debug.event("Debugger.scriptParsed", ({ url }) => /bundle\.mjs$/.test(String(url)));
  const file = fileURLToPath(String(script.params?.url));
  const mapFile = path.resolve(path.dirname(file), String(script.params?.sourceMapURL));
  const map = new SourceMap(JSON.parse(await readFile(mapFile, "utf8")));
  const bundle = await readFile(file, "utf8");
  const place = generated(map, bundle, "src/hold.ts", breakpointLine - 1);
  const urlRegex = ".*/bundle\\.mjs";
  const { locations } = await debug.ask(sessionId, "Debugger.setBreakpointByUrl", { urlRegex, ...place });
  expect(locations).toHaveLength(1);

  ask("second");
  const paused = await debug.event("Debugger.paused", ({ hitBreakpoints }) => String(hitBreakpoints) !== "");
  const [frame] = v.parse(callFrames, paused.params?.callFrames);
  const { lineNumber, columnNumber } = frame.location;
  const found = map.findEntry(lineNumber, columnNumber);
  if (!("originalSource" in found)) throw new Error("The debugger stopped outside of the sources.");
  expect(path.resolve(path.dirname(mapFile), found.originalSource)).toBe(path.join(cwd, "src/hold.ts"));
  expect(found.originalLine + 1).toBe(breakpointLine);

  // One second is the function's timeout.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(answers).toHaveLength(1);
  await debug.ask(sessionId, "Debugger.resume");
  await expect
    .poll(() => answers)
    .toEqual(['{"action":"hold","word":"first"}', '{"action":"hold","word":"second"}']);

  // Ctrl-C must end the stack although the function stands at the breakpoint and the debugger is attached.
  ask("third");
  await expect.poll(() => debug.count("Debugger.paused")).toBe(3);
  tool.child.kill("SIGINT");
  await expect.poll(tool.stderr).toContain("Waiting for the debugger to disconnect");
  debug.detach();
  expect(await tool.ended).toMatchObject({ code: 0 });
});
