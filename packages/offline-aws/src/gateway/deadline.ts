import type { Clock } from "../clock.js";
import { afterFairly } from "../fair-timer.js";
import type { Invoke, Outcome } from "../lambda/invocation.js";
import type { Deployment } from "./api.js";

/** The longest an integration may take. The function runs on, but its result is dropped. */
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
  invoke: (onRun: NonNullable<Parameters<Invoke>[2]>) => Promise<Outcome>,
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    let cancel = (): void => undefined;
    const after = (delay: number, callback: () => void) => clock.after(delay, callback);
    const timeOut = () => resolve({ kind: "timed-out", afterSeconds: seconds });
    invoke((waitedMs) => {
      cancel = afterFairly(after, seconds * 1000, timeOut, waitedMs);
    })
      .finally(() => cancel())
      .then(resolve, reject);
  });

/** Invokes a function within a time limit. */
export const invokeWithin = (
  seconds: number,
  { clock, invoke }: Pick<Deployment, "clock" | "invoke">,
  functionName: string,
  event: unknown,
): Promise<Outcome> => withDeadline(clock, seconds, (onRun) => invoke(functionName, event, onRun));

/** Describes a failure for the console, without the error's message, which may quote a token. */
export const describeFailure = (outcome: Exclude<Outcome, { kind: "returned" }>): string => {
  if (outcome.kind === "failed") return `threw ${outcome.errorType}`;
  if (outcome.kind === "timed-out") return `took longer than ${outcome.afterSeconds} s`;
  return "was throttled";
};
