import { readFile } from "node:fs/promises";
import path from "node:path";
import picocolors from "picocolors";
import * as v from "valibot";
import { type Engine, type Stack, startStack } from "../stack.js";
import { UserError } from "../user-error.js";
import type { Command, Given } from "./command.js";
import { createConsole, type LogForm } from "./console.js";
import { say } from "./progress.js";
import { parseSettings, parseStage, settingsOption } from "./settings.js";

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
      help: "How functions' log lines are shown: readable, or json, as they are written. Default: readable.",
    },
    json: { type: "boolean", help: "Print one line of JSON when ready, and nothing else." },
    ...settingsOption,
  },
  run: async (given) => {
    const quiet = given.flag("json");
    const ending = interruption();
    const begun = Date.now();
    const logs = parseLogForm(given.text("logs") ?? "readable");
    let clock = Date.now;
    const stack = await startStack({
      root: given.root,
      stage: parseStage(given.text("stage") ?? "local"),
      settings: parseSettings(given.texts("set")),
      port: parsePort(given.text("port") ?? "4000"),
      engine: parseEngine(given.text("engine") ?? "dynalite"),
      watch: true,
      observer: { say, ...(quiet ? {} : createConsole(process.stdout, () => clock(), logs)) },
    }).catch((error: unknown) => {
      // A Ctrl-C at the terminal reaches the evaluating process too, which then has no graph to give.
      if (ending.asked()) process.exit(0);
      throw error;
    });
    clock = () => stack.clock.now();
    try {
      if (!ending.asked())
        console.log(quiet ? asJson(stack) : await banner(given, stack, Date.now() - begun));
      await ending.over;
    } finally {
      await stack.stop();
    }
    process.exit(0);
  },
};

/** Over on Ctrl-C, or when the process is asked to end; a second Ctrl-C does not wait for a clean end. */
const interruption = (): { readonly over: Promise<void>; asked(): boolean } => {
  let asked = false;
  const over = new Promise<void>((resolve) => {
    const end = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
  });
  return { over, asked: () => asked };
};

const parsePort = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_534) {
    throw new UserError(`A port is a whole number from 0 to 65534; ${text} is not.`);
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

const asJson = (stack: Stack): string => {
  const { webSocketUrl, httpUrl, dynamodbEndpoint, region, tables } = stack;
  const token = stack.token({ username: "speaker" });
  return JSON.stringify({ webSocketUrl, httpUrl, dynamodbEndpoint, region, tables, token });
};

const manifestSchema = v.object({
  name: v.string(),
  local: v.optional(v.object({ try: v.record(v.string(), v.string()) })),
});

/** The project's `package.json` says under `local.try` what to paste into another terminal. */
const banner = async ({ root }: Given, stack: Stack, tookMs: number): Promise<string> => {
  const { bold, cyan, dim } = process.stdout.isTTY ? picocolors : picocolors.createColors(false);
  const manifest = v.parse(
    manifestSchema,
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const fill = (text: string) =>
    text
      .replaceAll("{webSocketUrl}", stack.webSocketUrl)
      .replaceAll("{httpUrl}", stack.httpUrl)
      .replaceAll("{token}", () => stack.token({ username: "speaker" }));
  return [
    "",
    `${bold(manifest.name)} runs on this machine ${dim(`(ready in ${(tookMs / 1000).toFixed(1)} s; Ctrl-C ends it)`)}`,
    "",
    `  WebSocket  ${cyan(stack.webSocketUrl)}`,
    `  HTTP       ${cyan(stack.httpUrl)}`,
    `  Status     ${cyan(`${stack.httpUrl}/_local`)}`,
    `  DynamoDB   ${cyan(stack.dynamodbEndpoint)}  ${dim(Object.values(stack.tables).join(", "))}`,
    ...Object.entries(manifest.local?.try ?? {}).flatMap(([what, how]) => ["", `${what}:`, `  ${fill(how)}`]),
    "",
  ].join("\n");
};
