export interface FaultMatch {
  readonly operation?: string;
  readonly table?: string;
  readonly accessKeyId?: string;
}

export interface Fault {
  /** The requests that it strikes. A missing field matches all. */
  readonly match: FaultMatch;
  /**
   * - `throttle`, `internal-error`: refused, nothing done.
   * - `latency`: carried out `ms` later, or when `until` resolves.
   * - `lost-answer`: carried out, but the connection is cut before the answer.
   * - `unreachable`: the connection is cut before anything is done.
   */
  readonly kind: "throttle" | "internal-error" | "latency" | "lost-answer" | "unreachable";
  /** For `latency`. */
  readonly ms?: number;
  /** For `latency`: called for each request that it strikes. */
  readonly until?: () => Promise<unknown>;
  /** How many requests it strikes; endlessly when left out. */
  readonly times?: number;
}

export interface Faults {
  /** Returns the function that takes the fault away again. */
  inject(fault: Fault): () => void;
  /**
   * From now on the global indexes lag: queries and scans of an index do not see changes younger than `ms`.
   * Returns the function that ends the lag.
   */
  delayIndexes(ms: number): Promise<() => Promise<void>>;
}

export interface Target {
  readonly operation: string;
  readonly tables: readonly string[];
  readonly accessKeyId: string | undefined;
}

export interface FaultList {
  inject(fault: Fault): () => void;
  /** The first fault that strikes this request, used up once by it. */
  strike(target: Target): Fault | undefined;
}

export const createFaultList = (): FaultList => {
  const faults = new Map<Fault, number>();
  return {
    inject(fault) {
      // A copy, so that injecting the same object twice makes two faults.
      const injected = { ...fault };
      faults.set(injected, fault.times ?? Number.POSITIVE_INFINITY);
      return () => faults.delete(injected);
    },
    strike(target) {
      for (const [fault, times] of faults) {
        if (!matches(fault.match, target)) continue;
        if (times > 1) faults.set(fault, times - 1);
        else faults.delete(fault);
        return fault;
      }
      return undefined;
    },
  };
};

const matches = (match: FaultMatch, { operation, tables, accessKeyId }: Target): boolean =>
  (match.operation === undefined || match.operation === operation) &&
  (match.table === undefined || tables.includes(match.table)) &&
  (match.accessKeyId === undefined || match.accessKeyId === accessKeyId);
