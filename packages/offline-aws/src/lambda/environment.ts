import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import type { StackClock } from "../clock.js";
import { afterFairly, openThreadMeter } from "../fair-timer.js";
import { exportOf } from "./bundle.js";
import type { FunctionDefinition } from "./function-definition.js";
import type { Outcome } from "./invocation.js";
import type { LogMessage, WorkerInvocation, WorkerMessage, WorkerReply, WorkerStart } from "./worker.js";

/** One execution environment: a worker thread with a function's code in it. Runs one invocation at a time. */
export interface Environment {
  readonly functionName: string;
  /** The bundle that it runs. */
  readonly bundle: string;
  /** Settles when the code is loaded, or could not be loaded. */
  readonly started: Promise<{ readonly kind: "ready"; readonly initMs: number } | Outcome>;
  run(requestId: string, event: string): Promise<Outcome>;
  /** How long the thread has waited for a processor, in ms: time limits do not count it. */
  waitedMs(): number;
  /** False once the thread has ended, or is about to end. */
  alive(): boolean;
  /** Ends the thread; a running invocation fails with `Runtime.ExitError`. */
  end(): Promise<void>;
}

type Ending = { readonly kind: "exited"; readonly reason: string } | { readonly kind: "timed-out" };

const killed: Ending = { kind: "exited", reason: "signal: killed" };

/** Lambda's limit on loading a function's code. */
const initLimitMs = 10_000;

export const startEnvironment = (options: {
  readonly definition: FunctionDefinition;
  readonly bundle: string;
  readonly worker: string;
  readonly clock: StackClock;
  /** The invocation that the cold start is for. */
  readonly requestId: string;
  /** False to apply neither the function's timeout nor the limit on loading its code. */
  readonly timeLimits: boolean;
  readonly onLog: (line: LogMessage) => void;
}): Environment => {
  const { definition, bundle, clock, timeLimits, onLog } = options;
  const context = contextOf(definition, new Date(clock.now()));
  const startedAt = performance.now();
  const worker = new Worker(options.worker, {
    workerData: {
      bundle,
      exportName: exportOf(definition.handler),
      clock: clock.shared,
      requestId: options.requestId,
      timeLimits,
      context,
    } satisfies WorkerStart,
    env: environmentOf(definition, context, dirname(bundle)),
    // The flags and loaders of the stack's own process are not for the function.
    execArgv: [],
    name: definition.name,
  });

  let alive = true;
  let loaded = false;
  let requestId = options.requestId;
  let thread = openThreadMeter(undefined);
  let settle: ((reply: WorkerReply | Ending) => void) | undefined;
  const waitedMs = (): number => thread.waitedMs();
  const nextReply = (limitMs: number): Promise<WorkerReply | Ending> =>
    new Promise((resolve) => {
      const timeOut = () => settle?.({ kind: "timed-out" });
      const cancel = timeLimits ? afterFairly(afterRealTime, limitMs, timeOut, waitedMs) : () => undefined;
      settle = (reply) => {
        cancel();
        settle = undefined;
        resolve(reply);
      };
      if (!alive) settle(killed);
    });
  const end = async (): Promise<void> => {
    alive = false;
    settle?.(killed);
    await worker.terminate();
  };
  const timedOut = (): Outcome => {
    const afterSeconds = loaded ? definition.timeoutSeconds : initLimitMs / 1000;
    const text = loaded
      ? `Task timed out after ${afterSeconds.toFixed(2)} seconds`
      : `Loading the code took longer than Lambda's limit of ${afterSeconds} seconds for the init phase`;
    onLog({ kind: "log", requestId, stream: "stderr", text });
    return { kind: "timed-out", afterSeconds };
  };
  const conclude = (reply: WorkerReply | Ending): Outcome => {
    if (reply.kind === "ready") throw new Error(`${definition.name} answered an invocation with "ready"`);
    if (reply.kind === "result") return { kind: "returned", payload: JSON.parse(reply.payload) };
    if (reply.kind !== "error" || reply.fatal) void end();
    if (reply.kind === "timed-out") return timedOut();
    if (reply.kind === "error") return failed(reply.errorType, reply.errorMessage);
    const message = `RequestId: ${requestId} Error: Runtime exited with error: ${reply.reason}`;
    return failed("Runtime.ExitError", message);
  };

  worker.on("message", (message: WorkerMessage) => {
    if (message.kind === "log") return onLog(message);
    if (message.kind === "thread") {
      thread = openThreadMeter(message.thread);
      return;
    }
    if (message.kind === "error" && message.fatal) alive = false;
    if (message.kind === "ready") loaded = true;
    settle?.(message);
  });
  worker.on("error", (error) => {
    alive = false;
    settle?.({ kind: "error", errorType: error.name, errorMessage: error.message, fatal: true });
  });
  worker.on("exit", (code) => {
    alive = false;
    thread.close();
    settle?.({ kind: "exited", reason: `exit status ${code}` });
  });

  return {
    functionName: definition.name,
    bundle,
    started: nextReply(initLimitMs).then((reply) =>
      reply.kind === "ready" ? { kind: "ready", initMs: performance.now() - startedAt } : conclude(reply),
    ),
    run: async (id, event) => {
      requestId = id;
      const timeoutMs = definition.timeoutSeconds * 1000;
      const reply = nextReply(timeoutMs);
      worker.postMessage({ requestId, event, timeoutMs } satisfies WorkerInvocation);
      return conclude(await reply);
    },
    waitedMs,
    alive: () => alive,
    end,
  };
};

const afterRealTime = (delay: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, delay);
  return () => clearTimeout(timer);
};

export const failed = (errorType: string, errorMessage: string): Outcome => ({
  kind: "failed",
  errorType,
  errorMessage,
});

const contextOf = (definition: FunctionDefinition, now: Date): WorkerStart["context"] => ({
  functionName: definition.name,
  functionVersion: "$LATEST",
  invokedFunctionArn: definition.arn,
  memoryLimitInMB: String(definition.memoryMb),
  logGroupName: `/aws/lambda/${definition.name}`,
  logStreamName: `${now.toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${randomBytes(16).toString("hex")}`,
});

/** The function's own variables and those that Lambda sets. Of this machine's variables, only `PATH`. */
const environmentOf = (
  definition: FunctionDefinition,
  context: WorkerStart["context"],
  taskRoot: string,
): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  ...definition.environment,
  AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime ?? "nodejs22.x"}`,
  AWS_LAMBDA_FUNCTION_NAME: context.functionName,
  AWS_LAMBDA_FUNCTION_VERSION: context.functionVersion,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: context.memoryLimitInMB,
  AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
  AWS_LAMBDA_LOG_GROUP_NAME: context.logGroupName,
  AWS_LAMBDA_LOG_STREAM_NAME: context.logStreamName,
  LAMBDA_TASK_ROOT: taskRoot,
  _HANDLER: `bundle.${exportOf(definition.handler)}`,
});
