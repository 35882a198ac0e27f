import type { Clock } from "../clock.js";
import type { Outcome } from "../lambda/invocation.js";

/** The longest an integration may take; a function that runs on is no longer listened to. */
export const INTEGRATION_TIMEOUT_SECONDS = 29;

/** An authorizer's limit is documented for HTTP APIs only; the stricter value is the safe one. */
export const AUTHORIZER_TIMEOUT_SECONDS = 10;

/** The outcome, or `timed-out` when it takes longer than the gateway waits. */
export const withDeadline = (clock: Clock, seconds: number, outcome: Promise<Outcome>): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(seconds * 1000, () => resolve({ kind: "timed-out", afterSeconds: seconds }));
    outcome.finally(cancel).then(resolve, reject);
  });

/** What went wrong, in words for the console; never the error's message, which may quote a token. */
export const describeFailure = (outcome: Exclude<Outcome, { kind: "returned" }>): string => {
  if (outcome.kind === "failed") return `threw ${outcome.errorType}`;
  if (outcome.kind === "timed-out") return `took longer than ${outcome.afterSeconds} s`;
  return "was throttled";
};
