import { once } from "node:events";
import { openInspector, resumePaused } from "../inspect.js";
import { onOrphaned } from "../process.js";
import type { Stack } from "../stack/stack.js";
import { startStack } from "../stack/start.js";
import { UserError } from "../user-error.js";
import { banner } from "./banner.js";
import { command } from "./command-line.js";
import { createConsole } from "./console.js";
import { parseSettings, parseStage, parseWhole, programArgs } from "./settings.js";
import { say } from "./terminal.js";

/** Runs the stack until it is interrupted. */
export const start = command({
  meta: { name: "start", description: "Run the whole app on this machine." },
  args: {
    port: {
      type: "string",
      valueHint: "PORT",
      default: "4000",
      description: "The port for HTTP and WebSocket; DynamoDB takes the next one.",
    },
    ...programArgs,
    engine: {
      type: "enum",
      options: ["dynalite", "dynamodb-local"],
      default: "dynalite",
      description: "The DynamoDB to run on. dynamodb-local is Amazon's own and needs Java 17.",
    },
    logs: {
      type: "enum",
      options: ["readable", "json"],
      default: "readable",
      description:
        "The form of functions' log lines. json: as they are written, with all else on standard error.",
    },
    json: {
      type: "boolean",
      description: "Print one line of JSON when ready, and nothing else. For scripts.",
    },
    inspect: {
      type: "string",
      valueHint: "PORT",
      description:
        "Let a debugger attach to the functions, without time limits. --inspect alone takes port 9229.",
    },
    quotas: { type: "boolean", description: "Enforce the account's quota of 500 new connections a second." },
  },
  run: async ({ args, rawArgs }) => {
    const root = process.cwd();
    const stage = parseStage(args.stage);
    const raw = args.logs === "json";
    const out = raw ? process.stderr : process.stdout;
    const signal = interruption();
    const begun = Date.now();
    const inspectorUrl = args.inspect === undefined ? undefined : openInspector(parsePort(args.inspect));
    let now = Date.now;
    const shown = args.json ? {} : createConsole(out, () => now(), raw ? process.stdout : undefined);
    const stack = await startStack({
      root,
      stage,
      settings: parseSettings(rawArgs),
      port: parsePort(args.port),
      engine: args.engine,
      quotas: args.quotas ?? false,
      watch: true,
      inspect: inspectorUrl !== undefined,
      signal,
      observer: { say, ...shown },
    }).catch((error: unknown) => {
      if (signal.aborted) process.exit(0);
      throw error;
    });
    now = () => stack.clock.now();
    try {
      if (!signal.aborted) {
        if (args.json) console.log(asJson(stack, inspectorUrl));
        else {
          const tookMs = Date.now() - begun;
          out.write(`${await banner(stack, { root, stage, tookMs, inspectorUrl, out })}\n`);
        }
        await once(signal, "abort");
      }
    } finally {
      if (inspectorUrl) resumePaused();
      await stack.stop();
    }
    // Node waits for an attached debugger to leave; another Ctrl-C must end the process at once.
    for (const signalName of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signalName);
    process.exit(0);
  },
});

/**
 * Aborted by Ctrl-C, SIGTERM, a closed terminal, the exit of the process that started this one, and a reader of the
 * output that is gone. A second Ctrl-C exits at once, without a clean stop.
 */
const interruption = (): AbortSignal => {
  const controller = new AbortController();
  const end = () => controller.abort();
  const endNow = () => {
    if (controller.signal.aborted) process.exit(130);
    end();
  };
  process.on("SIGINT", endNow);
  process.on("SIGTERM", endNow);
  // A closing terminal may send this twice.
  process.on("SIGHUP", end);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", end);
  onOrphaned(end);
  return controller.signal;
};

const parsePort = (text: string): number => {
  const port = parseWhole(text);
  if (port === undefined || port > 65_534)
    throw new UserError(`A port is a whole number from 0 to 65534; ${text} is not.`);
  return port;
};

/** Without the keys of what the program does not declare. */
const asJson = (stack: Stack, inspectorUrl: string | undefined): string => {
  const { webSocketUrl, httpUrl, dynamodbEndpoint, region, tables } = stack;
  return JSON.stringify({
    ...(webSocketUrl && { webSocketUrl }),
    httpUrl,
    dynamodbEndpoint,
    region,
    tables,
    ...(inspectorUrl && { inspectorUrl }),
    ...(stack.hasUserPool && { token: stack.token({ username: "alice" }) }),
  });
};
