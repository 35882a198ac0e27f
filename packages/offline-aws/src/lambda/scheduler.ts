import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { StackClock } from "../clock.js";
import type { Bundles } from "./bundle.js";
import { type Environment, failed, startEnvironment } from "./environment.js";
import type { FunctionDefinition } from "./function-definition.js";
import type { Invoke, Outcome } from "./invocation.js";

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
  /** The handler's time, without the wait for a free place and the loading of the code. */
  readonly durationMs: number;
  /** The time to start an environment and load the code; absent on a warm start, and when loading failed. */
  readonly initMs?: number;
  readonly outcome: Outcome;
  /** By the stack's clock, ms since the epoch. */
  readonly startedAt: number;
  /** The very value that `invoke` got. */
  readonly event: unknown;
}

export interface Scheduler {
  readonly invoke: Invoke;
  /** Invokes for a function that waits for the outcome: while it waits, another invocation may take its place. */
  invokeFrom(functionName: string): Invoke;
  /** Later invocations run the new code; running ones finish on the old code. */
  swap(functionName: string, bundle: string): void;
  /** Resolves when nothing runs and nothing is queued. */
  idle(): Promise<void>;
  /** Fault injection: ends the function's environments; its running invocations fail with `Runtime.ExitError`. */
  kill(functionName: string): Promise<void>;
  /** Fault injection: throttles the function's next invocations, as if the account's concurrency were used up. */
  throttle(functionName: string, times: number): void;
  /** Waits up to a second for running invocations, then ends everything. */
  close(): Promise<void>;
}

export interface SchedulerOptions {
  readonly functions: readonly FunctionDefinition[];
  readonly bundles: Bundles;
  /** The bundled `worker.ts`. */
  readonly worker: string;
  readonly clock: StackClock;
  /** How many invocations run at once, over all functions; others queue. Default: twice the cores, at least 4. */
  readonly concurrency?: number;
  /** True while a debugger may pause functions: no time limits, and one environment for each function. Default false. */
  readonly inspect?: boolean;
  readonly onLog?: (line: LogLine) => void;
  readonly onInvocation?: (record: InvocationRecord) => void;
}

interface Job {
  readonly definition: FunctionDefinition;
  readonly requestId: string;
  readonly event: unknown;
  /** The event as JSON. */
  readonly payload: string;
  readonly onRun: Parameters<Invoke>[2];
  readonly resolve: (outcome: Outcome) => void;
}

/**
 * How long a spare environment is kept. A thread costs tens of MB, and a cold start a hundred times a warm invocation, so
 * the environments of a burst wait for the next burst, but not for ever.
 */
const spareLifetimeMs = 60_000;

/** How long `close` waits for running invocations. */
const closeGraceMs = 1_000;

/**
 * Gives invocations to environments in their order, `concurrency` at a time. The order holds across functions: in a burst, a
 * stream's function must not overtake handshakes, because its posts would find clients that are not connected yet.
 */
export const createScheduler = ({
  functions,
  worker,
  clock,
  concurrency = Math.max(4, 2 * availableParallelism()),
  inspect = false,
  onLog,
  onInvocation,
  ...options
}: SchedulerOptions): Scheduler => {
  const definitions = new Map(functions.map((definition) => [definition.name, definition]));
  const bundles = new Map([...options.bundles].map(([name, { file }]) => [name, file]));

  const environments = new Set<Environment>();
  const warm = createWarmPool();
  const queue: Job[] = [];
  /** The running invocations, with the names of their functions. */
  const running = new Map<Promise<void>, string>();
  /** How many outcomes of other invocations each function waits for. */
  const waits = new Map<string, number>();
  /** How many more invocations of each function to throttle. */
  const throttles = new Map<string, number>();
  let closed = false;
  let idleWaiters: (() => void)[] = [];

  const startCold = (definition: FunctionDefinition, requestId: string): Environment => {
    const { name } = definition;
    const bundle = bundles.get(name);
    if (!bundle) throw new Error(`${name} has no bundle`);
    for (const candidate of environments) if (!candidate.alive()) environments.delete(candidate);
    const environment = startEnvironment({
      definition,
      bundle,
      worker,
      clock,
      requestId,
      timeLimits: !inspect,
      onLog: ({ requestId, stream, text }) => onLog?.({ functionName: name, requestId, stream, text }),
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
    if (started.kind === "ready") onRun?.(environment.waitedMs);
    const outcome = started.kind === "ready" ? await environment.run(requestId, payload) : started;
    const durationMs = performance.now() - runningSince;
    release(environment);
    onInvocation?.({
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

  /** A throttled invocation reaches no environment, but it is counted. */
  const refuse = (functionName: string, remaining: number, event: unknown): Outcome => {
    throttles.set(functionName, remaining - 1);
    const outcome: Outcome = { kind: "throttled" };
    const record = { functionName, requestId: randomUUID(), coldStart: false, durationMs: 0, outcome };
    onInvocation?.({ ...record, startedAt: clock.now(), event });
    return outcome;
  };

  /**
   * The places of waiting functions. Functions that wait for each other would otherwise fill every place and stop. A
   * function lends no more places than it holds.
   */
  const lentPlaces = (): number =>
    [...waits].reduce((total, [functionName, count]) => total + Math.min(count, heldBy(functionName)), 0);

  const heldBy = (functionName: string): number =>
    [...running.values()].filter((name) => name === functionName).length;

  /** While inspected, a function has one environment, and one more for each invocation of itself that it waits for. */
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

  const countWait = (functionName: string, change: 1 | -1): void => {
    waits.set(functionName, (waits.get(functionName) ?? 0) + change);
  };

  return {
    invoke,
    invokeFrom: (caller) => async (functionName, event, onRun) => {
      countWait(caller, 1);
      try {
        return await invoke(functionName, event, onRun);
      } finally {
        countWait(caller, -1);
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
      const grace = new AbortController();
      const limit = wait(closeGraceMs, undefined, { signal: grace.signal }).catch(() => undefined);
      await Promise.race([Promise.allSettled(running.keys()), limit]);
      grace.abort();
      await Promise.all([...environments].map((environment) => environment.end()));
      await Promise.allSettled(running.keys());
    },
  };
};

const closing = (): Outcome => failed("ServiceException", "The stack is closing.");

/** The environments that wait for an invocation. A function's spare environments end after `spareLifetimeMs`. */
const createWarmPool = () => {
  /** In the order in which they became free. */
  const waiting = new Map<Environment, NodeJS.Timeout>();
  const of = (functionName: string): Environment[] =>
    [...waiting.keys()].filter((environment) => environment.functionName === functionName);
  const remove = (environment: Environment): Environment => {
    clearTimeout(waiting.get(environment));
    waiting.delete(environment);
    return environment;
  };

  return {
    /** Takes the environment that was used last, so that the others can age. */
    take: (functionName: string): Environment | undefined => {
      for (const environment of of(functionName)) if (!environment.alive()) remove(environment);
      const last = of(functionName).at(-1);
      return last && remove(last);
    },
    put: (environment: Environment): void => {
      const endSpare = () => {
        if (of(environment.functionName).length > 1) void remove(environment).end();
      };
      waiting.set(environment, setTimeout(endSpare, spareLifetimeMs).unref());
    },
    endAll: (functionName: string): void => {
      for (const environment of of(functionName)) void remove(environment).end();
    },
  };
};
