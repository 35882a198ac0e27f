import { randomUUID } from "node:crypto";
import type { StackClock } from "../clock.js";
import type { Bundles } from "./bundle.js";
import { type Environment, failed, startEnvironment } from "./environment.js";
import type { FunctionDefinition } from "./function-definition.js";
import type { Invoke, Outcome } from "./invocation.js";
import { createWarmPool } from "./warm-pool.js";

export interface LogLine {
  readonly functionName: string;
  readonly requestId: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface InvocationRecord {
  readonly functionName: string;
  readonly requestId: string;
  readonly coldStart: boolean;
  /** The handler's own time: waiting for a free place and loading the code are not in it. */
  readonly durationMs: number;
  /** Starting an environment and loading the code; absent on a warm start, or when that failed. */
  readonly initMs?: number;
  readonly outcome: Outcome;
  /** By the stack's clock, ms since the epoch. */
  readonly startedAt: number;
  /** As it was given to `invoke`. */
  readonly event: unknown;
}

export interface Scheduler {
  readonly invoke: Invoke;
  /** For a function that waits for another: while it does, it lends its place. */
  invokeFrom(functionName: string): Invoke;
  /** Later invocations run the new code; those under way finish on the old. */
  swap(functionName: string, bundle: string): void;
  idle(): Promise<void>;
  kill(functionName: string): Promise<void>;
  throttle(functionName: string, times: number): void;
  close(): Promise<void>;
}

interface Job {
  readonly definition: FunctionDefinition;
  readonly requestId: string;
  readonly event: unknown;
  /** The event as JSON. */
  readonly payload: string;
  readonly onRun: (() => void) | undefined;
  readonly resolve: (outcome: Outcome) => void;
}

/**
 * A thread costs tens of MB, a cold start a hundred times a warm invocation: what a burst leaves over is kept for the
 * next one, but not for ever.
 */
const spareLifetimeMs = 60_000;

/** How long `close` waits for the invocations under way. */
const closeGraceMs = 1_000;

/** Gives invocations to environments, first come first served, `concurrency` at a time. */
export const createScheduler = (options: {
  readonly functions: readonly FunctionDefinition[];
  readonly bundles: Bundles;
  readonly worker: string;
  readonly clock: StackClock;
  readonly concurrency: number;
  /** True while a debugger may pause functions: no time limits, and one environment for each function. */
  readonly inspect: boolean;
  readonly onLog: (line: LogLine) => void;
  readonly onInvocation: (record: InvocationRecord) => void;
}): Scheduler => {
  const { clock, concurrency, inspect } = options;
  const definitions = new Map(options.functions.map((definition) => [definition.name, definition]));
  const bundles = new Map([...options.bundles].map(([name, { file }]) => [name, file]));

  const environments = new Set<Environment>();
  const warm = createWarmPool(spareLifetimeMs);
  const queue: Job[] = [];
  /** The invocations under way, with their functions' names. */
  const running = new Map<Promise<void>, string>();
  /** For how many others each function waits. */
  const waits = new Map<string, number>();
  /** How many more invocations of a function are to be refused. */
  const throttles = new Map<string, number>();
  let closed = false;
  let idleWaiters: (() => void)[] = [];

  const startCold = (definition: FunctionDefinition, requestId: string): Environment => {
    const bundle = bundles.get(definition.name);
    if (!bundle) throw new Error(`${definition.name} has no bundle`);
    for (const candidate of environments) if (!candidate.alive()) environments.delete(candidate);
    const environment = startEnvironment({
      definition,
      bundle,
      worker: options.worker,
      clock,
      requestId,
      timeLimits: !inspect,
      onLog: ({ requestId, stream, text }) =>
        options.onLog({ functionName: definition.name, requestId, stream, text }),
    });
    environments.add(environment);
    return environment;
  };

  const release = (environment: Environment): void => {
    const current = bundles.get(environment.functionName) === environment.bundle;
    if (environment.alive() && current && !closed) warm.put(environment);
    else void environment.end();
  };

  const run = async ({ definition, requestId, event, payload, onRun, resolve }: Job): Promise<void> => {
    const functionName = definition.name;
    const startedAt = clock.now();
    const reused = warm.take(functionName);
    const environment = reused ?? startCold(definition, requestId);
    const started = await environment.started;
    const runningSince = performance.now();
    if (started.kind === "ready") onRun?.();
    const outcome = started.kind === "ready" ? await environment.run(requestId, payload) : started;
    const durationMs = performance.now() - runningSince;
    release(environment);
    options.onInvocation({
      functionName,
      requestId,
      coldStart: !reused,
      durationMs,
      ...(!reused && started.kind === "ready" && { initMs: started.initMs }),
      outcome,
      startedAt,
      event,
    });
    resolve(outcome);
  };

  /** A throttled invocation reaches no environment: it is only counted. */
  const refuse = (functionName: string, remaining: number, event: unknown): Outcome => {
    throttles.set(functionName, remaining - 1);
    const outcome: Outcome = { kind: "throttled" };
    const record = { functionName, requestId: randomUUID(), coldStart: false, durationMs: 0, outcome };
    options.onInvocation({ ...record, startedAt: clock.now(), event });
    return outcome;
  };

  /** Those who wait for one another would fill every place; and a function lends no more of them than it has. */
  const lentPlaces = (): number =>
    [...waits].reduce((total, [functionName, count]) => total + Math.min(count, heldBy(functionName)), 0);

  const heldBy = (functionName: string): number =>
    [...running.values()].filter((name) => name === functionName).length;

  /** A function that waits for itself gets a second environment even then. */
  const mayRun = ({ definition: { name } }: Job): boolean =>
    !inspect || heldBy(name) <= (waits.get(name) ?? 0);

  const nextJob = (): Job | undefined => {
    const index = queue.findIndex(mayRun);
    return index < 0 ? undefined : queue.splice(index, 1)[0];
  };

  const pump = (): void => {
    while (running.size - lentPlaces() < concurrency) {
      const job = nextJob();
      if (!job) break;
      const task = run(job).finally(() => {
        running.delete(task);
        pump();
      });
      running.set(task, job.definition.name);
    }
    if (running.size > 0) return;
    for (const resolve of idleWaiters) resolve();
    idleWaiters = [];
  };

  const invoke: Invoke = async (functionName, event, onRun) => {
    const definition = definitions.get(functionName);
    if (!definition) return failed("ResourceNotFoundException", `Function not found: ${functionName}`);
    if (closed) return closing();
    const refusals = throttles.get(functionName) ?? 0;
    if (refusals > 0) return refuse(functionName, refusals, event);
    const payload = JSON.stringify(event) ?? "{}";
    return new Promise((resolve) => {
      queue.push({ definition, requestId: randomUUID(), event, payload, onRun, resolve });
      pump();
    });
  };

  const count = (functionName: string, change: 1 | -1): void => {
    waits.set(functionName, (waits.get(functionName) ?? 0) + change);
  };

  return {
    invoke,
    invokeFrom: (caller) => async (functionName, event, onRun) => {
      count(caller, 1);
      try {
        return await invoke(functionName, event, onRun);
      } finally {
        count(caller, -1);
      }
    },
    swap: (functionName, bundle) => {
      bundles.set(functionName, bundle);
      warm.endAll(functionName);
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        pump();
      }),
    kill: async (functionName) => {
      if (!definitions.has(functionName)) throw new Error(`There is no function ${functionName} to kill.`);
      const own = [...environments].filter((environment) => environment.functionName === functionName);
      await Promise.all(own.map((environment) => environment.end()));
    },
    throttle: (functionName, times) => {
      if (!definitions.has(functionName))
        throw new Error(`There is no function ${functionName} to throttle.`);
      throttles.set(functionName, times);
    },
    close: async () => {
      closed = true;
      for (const { resolve } of queue.splice(0)) resolve(closing());
      await within(closeGraceMs, Promise.allSettled(running.keys()));
      await Promise.all([...environments].map((environment) => environment.end()));
      await Promise.allSettled(running.keys());
    },
  };
};

const closing = (): Outcome => failed("ServiceException", "The stack is closing.");

/** Waits for `promise`, but no longer than `ms`. */
const within = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
};
