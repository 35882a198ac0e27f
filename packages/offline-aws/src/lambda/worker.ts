// Runs in a worker thread: one execution environment of one function. Bundled at start; nothing imports it.
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerInvocation, WorkerMessage, WorkerReply, WorkerStart } from "./messages.js";
import { patchDate } from "./worker-clock.js";
import { captureOutput } from "./worker-output.js";

type Handler = (event: unknown, context: unknown, callback: Callback) => unknown;
type Callback = (error: unknown, result?: unknown) => void;

/** Lambda's limit on a synchronous response. */
const maxResponseBytes = 6_291_556;

const start = workerData as WorkerStart;
let requestId = start.requestId;

const post = (message: WorkerMessage): void => parentPort?.postMessage(message);

const flushOutput = captureOutput((stream, text) => post({ kind: "log", requestId, stream, text }));

const reply = (message: WorkerReply): void => {
  flushOutput();
  post(message);
};

const report = (what: string, error: unknown): { errorType: string; errorMessage: string } => {
  const described =
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message }
      : { errorType: typeof error, errorMessage: String(error) };
  const stack = error instanceof Error ? `\n${error.stack}` : "";
  process.stderr.write(`ERROR\t${what}\t${JSON.stringify(described)}${stack}\n`);
  return described;
};

const die = (exitCode: number, error: { errorType: string; errorMessage: string }): never => {
  reply({ kind: "error", ...error, fatal: true });
  process.exit(exitCode);
};

const isHandler = (value: unknown): value is Handler => typeof value === "function";

const load = async (): Promise<Handler> => {
  const module: Record<string, unknown> = await import(pathToFileURL(start.bundle).href);
  const handler = module[start.exportName];
  if (isHandler(handler)) return handler;
  const error = new Error(`${start.exportName} is not exported by the bundle, or is not a function`);
  error.name = "Runtime.HandlerNotFound";
  throw error;
};

/** A promise, a plain value, or (only for a handler that takes three parameters) the callback's result. */
const call = (handler: Handler, event: unknown, context: unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const callback: Callback = (error, result) => (error ? reject(error) : resolve(result));
    const returned = handler(event, context, callback);
    if (handler.length < 3 || returned !== undefined) resolve(returned);
  });

const invoke = async (handler: Handler, invocation: WorkerInvocation): Promise<WorkerReply> => {
  const startedAt = performance.now();
  const context = {
    ...start.context,
    awsRequestId: invocation.requestId,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => {
      const usedMs = start.timeLimits ? performance.now() - startedAt : 0;
      return Math.max(0, Math.floor(invocation.timeoutMs - usedMs));
    },
  };
  try {
    const payload =
      JSON.stringify((await call(handler, JSON.parse(invocation.event), context)) ?? null) ?? "null";
    if (Buffer.byteLength(payload) <= maxResponseBytes) return { kind: "result", payload };
    return {
      kind: "error",
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage: `Response payload size exceeded maximum allowed payload size (${maxResponseBytes} bytes).`,
      fatal: false,
    };
  } catch (error) {
    return { kind: "error", ...report("Invoke Error", error), fatal: false };
  }
};

process.setSourceMapsEnabled(true);
patchDate(new Float64Array(start.clock));
process.on("uncaughtException", (error) => die(129, report("Uncaught Exception", error)));
process.on("unhandledRejection", (reason) => {
  report("Unhandled Promise Rejection", reason);
  die(128, { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: String(reason) });
});

try {
  const handler = await load();
  parentPort?.on("message", async (invocation: WorkerInvocation) => {
    requestId = invocation.requestId;
    reply(await invoke(handler, invocation));
  });
  reply({ kind: "ready" });
} catch (error) {
  die(1, report("Uncaught Exception", error));
}
