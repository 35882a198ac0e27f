import type { Clock } from "../clock.js";
import { afterFairly } from "../fair-timer.js";
import type { Outcome } from "../lambda/invocation.js";

/** API Gateway's limit for an integration. The function may run on; its answer is dropped. */
export const INTEGRATION_TIMEOUT_SECONDS = 29;

/** The limit of an authorizer is documented for HTTP APIs only: the stricter value is the safe one. */
export const AUTHORIZER_TIMEOUT_SECONDS = 10;

/**
 * The outcome, or `timed-out` when the handler runs longer than the gateway waits. An invocation may wait for a free
 * place, which it never does on AWS: that time does not count.
 */
export const withDeadline = (
  clock: Clock,
  seconds: number,
  invoke: (onRun: () => void) => Promise<Outcome>,
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    let cancel = (): void => undefined;
    const onRun = (): void => {
      const after = (delay: number, callback: () => void) => clock.after(delay, callback);
      cancel = afterFairly(after, seconds * 1000, () =>
        resolve({ kind: "timed-out", afterSeconds: seconds }),
      );
    };
    invoke(onRun)
      .finally(() => cancel())
      .then(resolve, reject);
  });

/** A failure in words for the console. The error's message is left out: it may quote a token. */
export const describeFailure = (outcome: Exclude<Outcome, { kind: "returned" }>): string => {
  if (outcome.kind === "failed") return `threw ${outcome.errorType}`;
  if (outcome.kind === "timed-out") return `took longer than ${outcome.afterSeconds} s`;
  return "was throttled";
};
