import type { Environment } from "./environment.js";

/** Environments between two invocations. */
export interface WarmPool {
  /** The one used last, so that the others can age. */
  take(functionName: string): Environment | undefined;
  put(environment: Environment): void;
  endAll(functionName: string): void;
}

/** A spare one, beside another of its function, ends when it has not been used for `spareLifetimeMs`. */
export const createWarmPool = (spareLifetimeMs: number): WarmPool => {
  /** The one that has waited longest first. */
  const waiting: { environment: Environment; timer: NodeJS.Timeout }[] = [];

  const remove = (environment: Environment | undefined): Environment | undefined => {
    const index = waiting.findIndex((entry) => entry.environment === environment);
    const [removed] = index < 0 ? [] : waiting.splice(index, 1);
    clearTimeout(removed?.timer);
    return removed?.environment;
  };
  const of = (functionName: string): Environment[] =>
    waiting
      .map(({ environment }) => environment)
      .filter((environment) => environment.functionName === functionName);
  const endSpare = (environment: Environment): void => {
    if (of(environment.functionName).length > 1) void remove(environment)?.end();
  };

  return {
    take: (functionName) => {
      for (const dead of of(functionName).filter((environment) => !environment.alive())) remove(dead);
      return remove(of(functionName).at(-1));
    },
    put: (environment) => {
      const timer = setTimeout(() => endSpare(environment), spareLifetimeMs).unref();
      waiting.push({ environment, timer });
    },
    endAll: (functionName) => {
      for (const environment of of(functionName)) void remove(environment)?.end();
    },
  };
};
