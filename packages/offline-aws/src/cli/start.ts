import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import { openInspector, resumePaused } from "../inspect.js";
import { type Engine, type Stack, startStack } from "../stack.js";
import { UserError } from "../user-error.js";
import type { Command, Given } from "./command.js";
import { createConsole } from "./console.js";
import { interruption } from "./interruption.js";
import { colorsFor, type Output } from "./output.js";
import { say } from "./progress.js";
import { parseSettings, parseStage, parseWhole, settingsOption } from "./settings.js";

const engines: readonly Engine[] = ["dynalite", "dynamodb-local"];

/** Runs the stack until it is interrupted. */
export const start: Command = {
  name: "start",
  summary: "Run the whole system on this machine.",
  call: "npm start --",
  options: {
    port: {
      type: "string",
      value: "PORT",
      help: "The gateway's port; DynamoDB takes the next one. Default: 4000.",
    },
    stage: { type: "string", value: "STAGE", help: "Whose settings and names to run with. Default: local." },
    engine: {
      type: "string",
      value: "ENGINE",
      help: `The DynamoDB to run on: ${engines.join(" or ")}. Default: dynalite.`,
    },
    logs: {
      type: "string",
      value: "FORM",
      help: "How functions' log lines are shown: readable, or json, as they are written, and all else on standard error. Default: readable.",
    },
    json: {
      type: "boolean",
      help: "Print one line of JSON when ready, and nothing else. For scripts: npm run -s start -- --json.",
    },
    inspect: {
      type: "string",
      value: "PORT",
      help: "Let a debugger attach to the functions, without time limits. --inspect alone takes port 9229.",
    },
    quotas: { type: "boolean", help: "Hold to the account's quota of 500 new connections a second." },
    ...settingsOption,
  },
  run: async (given) => {
    const quiet = given.flag("json");
    const signal = interruption();
    const begun = Date.now();
    const logs = parseLogForm(given.text("logs") ?? "readable");
    const inspectPort = given.text("inspect");
    const inspectorUrl = inspectPort === undefined ? undefined : openInspector(parsePort(inspectPort));
    let clock = Date.now;
    const stack = await startStack({
      root: given.root,
      stage: parseStage(given.text("stage") ?? "local"),
      settings: parseSettings(given.texts("set")),
      port: parsePort(given.text("port") ?? "4000"),
      engine: parseEngine(given.text("engine") ?? "dynalite"),
      quotas: given.flag("quotas"),
      watch: true,
      inspect: inspectorUrl !== undefined,
      signal,
      observer: { say, ...(quiet ? {} : consoleFor(logs, () => clock())) },
    }).catch((error: unknown) => {
      if (signal.aborted) process.exit(0);
      throw error;
    });
    clock = () => stack.clock.now();
    try {
      if (!signal.aborted) {
        const tookMs = Date.now() - begun;
        if (quiet) console.log(asJson(stack, inspectorUrl));
        else if (logs === "json")
          console.error(await banner(given, stack, { tookMs, inspectorUrl }, process.stderr));
        else console.log(await banner(given, stack, { tookMs, inspectorUrl }, process.stdout));
      }
      if (!signal.aborted) await once(signal, "abort");
    } finally {
      if (inspectorUrl) resumePaused();
      await stack.stop();
    }
    // Node waits for an attached debugger to leave; another Ctrl-C must end the process at once.
    for (const signalName of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signalName);
    process.exit(0);
  },
};

/** `json`: functions' log lines as they are written, metrics included, to be piped on. */
type LogForm = "readable" | "json";

const consoleFor = (logs: LogForm, now: () => number) =>
  logs === "json" ? createConsole(process.stderr, now, process.stdout) : createConsole(process.stdout, now);

const parsePort = (text: string): number => {
  const port = parseWhole(text);
  if (port === undefined || port > 65_534) {
    throw new UserError(`A port is a whole number from 0 to 65534; ${text || "nothing"} is not.`);
  }
  return port;
};

const parseLogForm = (form: string): LogForm => {
  if (form !== "readable" && form !== "json") {
    throw new UserError(`Logs are readable or json; ${form} is neither.`);
  }
  return form;
};

const parseEngine = (name: string): Engine => {
  const engine = engines.find((known) => known === name);
  if (!engine) throw new UserError(`There is no engine ${name}: choose ${engines.join(" or ")}.`);
  return engine;
};

/** What the program does not declare is left out. */
const asJson = (stack: Stack, inspectorUrl: string | undefined): string => {
  const { webSocketUrl, httpUrl, dynamodbEndpoint, region, tables } = stack;
  return JSON.stringify({
    ...(webSocketUrl && { webSocketUrl }),
    httpUrl,
    dynamodbEndpoint,
    region,
    tables,
    ...(inspectorUrl && { inspectorUrl }),
    ...(stack.hasUserPool && { token: stack.token({ username: "speaker" }) }),
  });
};

const manifestSchema = v.object({
  name: v.string(),
  local: v.optional(v.object({ try: v.record(v.string(), v.string()) })),
});

/** The project's `package.json` says under `local.try` what to paste into another terminal. */
const banner = async (
  { root }: Given,
  stack: Stack,
  { tookMs, inspectorUrl }: { readonly tookMs: number; readonly inspectorUrl: string | undefined },
  out: Output,
): Promise<string> => {
  const { bold, cyan, dim } = colorsFor(out);
  const manifest = v.parse(
    manifestSchema,
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const { webSocketUrl, httpUrl, hasUserPool } = stack;
  const missing = [...(webSocketUrl ? [] : ["{webSocketUrl}"]), ...(hasUserPool ? [] : ["{token}"])];
  const possible = Object.entries(manifest.local?.try ?? {}).filter(
    ([, how]) => !missing.some((part) => how.includes(part)),
  );
  const fill = (text: string) =>
    text
      .replaceAll("{webSocketUrl}", webSocketUrl)
      .replaceAll("{httpUrl}", httpUrl)
      .replaceAll("{token}", () => stack.token({ username: "speaker" }));
  return [
    "",
    `${bold(manifest.name)} runs on this machine ${dim(`(ready in ${(tookMs / 1000).toFixed(1)} s; Ctrl-C ends it)`)}`,
    "",
    ...(webSocketUrl ? [`  WebSocket  ${cyan(webSocketUrl)}`] : []),
    `  HTTP       ${cyan(httpUrl)}`,
    `  Status     ${cyan(`${httpUrl}/_local`)}`,
    `  DynamoDB   ${cyan(stack.dynamodbEndpoint)}  ${dim(Object.values(stack.tables).join(", "))}`,
    ...(inspectorUrl
      ? [
          `  Debugger   ${cyan(new URL(inspectorUrl).host)}  ${dim("time limits are off while --inspect is on")}`,
        ]
      : []),
    ...possible.flatMap(([what, how]) => ["", `${what}:`, `  ${fill(how)}`]),
    "",
  ].join("\n");
};
