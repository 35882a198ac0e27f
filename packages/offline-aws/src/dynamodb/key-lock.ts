/** Runs tasks one after the other per key; tasks of different keys run at the same time. */
export interface KeyLock {
  run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T>;
  /** Runs `task` alone: after every task that has begun, and before every later one. */
  runAlone<T>(task: () => Promise<T>): Promise<T>;
}

export const createKeyLock = (): KeyLock => {
  const tails = new Map<string, Promise<unknown>>();
  let gate: Promise<unknown> | undefined;
  const running = new Set<Promise<unknown>>();

  // All keys of a task are queued for in one go, so that two tasks can never wait for each other.
  const enter = <T>(keys: readonly string[], task: () => Promise<T>): Promise<T> => {
    const ahead = keys.flatMap((key) => tails.get(key) ?? []);
    const result = ahead.length === 0 ? task() : Promise.all(ahead).then(task);
    const done: Promise<unknown> = result.then(ignore, ignore).then(() => {
      running.delete(done);
      for (const key of keys) if (tails.get(key) === done) tails.delete(key);
    });
    running.add(done);
    for (const key of keys) tails.set(key, done);
    return result;
  };

  return {
    run(keys, task) {
      return gate ? gate.then(() => this.run(keys, task)) : enter(keys, task);
    },
    async runAlone(task) {
      while (gate) await gate;
      const result = Promise.all(running).then(task);
      const done = result.then(ignore, ignore).then(() => {
        gate = undefined;
      });
      gate = done;
      return result;
    },
  };
};

const ignore = (): void => undefined;
