// Runs in a worker thread as one execution environment of one function. Bundled at start; others import only its types.
import { readlinkSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { readShared } from "../clock.js";

/** The `workerData` of a worker. */
export interface WorkerStart {
  /** The absolute path of the bundle. */
  readonly bundle: string;
  readonly exportName: string;
  /** `StackClock.shared` */
  readonly clock: SharedArrayBuffer;
  /** The invocation that the cold start is for: lines printed while loading belong to it. */
  readonly requestId: string;
  /** False while a debugger may pause the function: its remaining time never shrinks. */
  readonly timeLimits: boolean;
  /** The part of the handler's context that is the same for every invocation. */
  readonly context: {
    readonly functionName: string;
    readonly functionVersion: string;
    readonly invokedFunctionArn: string;
    readonly memoryLimitInMB: string;
    readonly logGroupName: string;
    readonly logStreamName: string;
  };
}

/** main → worker. Payloads travel as JSON text: Lambda's semantics, and less to clone. */
export interface WorkerInvocation {
  readonly requestId: string;
  readonly event: string;
  readonly timeoutMs: number;
}

/**
 * worker → main: first the thread (where the system names it), then lines as they are printed, and one reply to the start
 * and to each invocation.
 */
export type WorkerMessage = { readonly kind: "thread"; readonly thread: string } | LogMessage | WorkerReply;

export interface LogMessage {
  readonly kind: "log";
  readonly requestId: string;
  readonly stream: Stream;
  readonly text: string;
}

export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly payload: string }
  | ErrorReply;

interface ErrorReply {
  readonly kind: "error";
  readonly errorType: string;
  readonly errorMessage: string;
  /** True when the worker ends after this reply. */
  readonly fatal: boolean;
}

type Stream = "stdout" | "stderr";

/**
 * Makes `Date` follow the stack's clock, whose memory is `shared`. Timers and `performance` stay real: a function's time
 * limit is real time.
 */
const patchDate = (shared: Float64Array): void => {
  const RealDate = Date;
  const realNow = RealDate.now;
  const now = () => readShared(shared, realNow());
  RealDate.now = now;
  const patched = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
  });
  RealDate.prototype.constructor = patched;
  globalThis.Date = patched;
};

/**
 * Passes on each line that this thread prints. A worker's own streams reach the main thread late; lines passed on here
 * arrive before the invocation's reply. Returns the function that passes on an unfinished last line.
 */
const captureOutput = (onLine: (stream: Stream, text: string) => void): (() => void) => {
  const flushes = [capture("stdout", onLine), capture("stderr", onLine)];
  return () => {
    for (const flush of flushes) flush();
  };
};

const capture = (stream: Stream, onLine: (stream: Stream, text: string) => void): (() => void) => {
  const decoder = new StringDecoder("utf8");
  let unfinished = "";
  type Callback = (error?: Error | null) => void;
  process[stream].write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | Callback,
    callback?: Callback,
  ): boolean => {
    const text = typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk));
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) onLine(stream, line);
    const written = typeof encoding === "function" ? encoding : callback;
    if (written) process.nextTick(written);
    return true;
  };
  return () => {
    if (unfinished) onLine(stream, unfinished);
    unfinished = "";
  };
};

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

type Described = Pick<ErrorReply, "errorType" | "errorMessage">;

const report = (what: string, error: unknown): Described => {
  const described =
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message }
      : { errorType: typeof error, errorMessage: String(error) };
  const stack = error instanceof Error ? `\n${error.stack}` : "";
  process.stderr.write(`ERROR\t${what}\t${JSON.stringify(described)}${stack}\n`);
  return described;
};

const die = (exitCode: number, error: Described): never => {
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

/** Resolves with the handler's promise or value, or, for a handler of three parameters, with the callback's result. */
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

/** Only Linux names a thread so that its waiting time can be read. */
const announceThread = (): void => {
  try {
    post({ kind: "thread", thread: readlinkSync("/proc/thread-self") });
  } catch {}
};

announceThread();
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
