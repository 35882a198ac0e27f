/** The outcome of one Lambda invocation. */
export type Outcome =
  | { readonly kind: "returned"; readonly payload: unknown }
  | { readonly kind: "failed"; readonly errorType: string; readonly errorMessage: string }
  | { readonly kind: "timed-out"; readonly afterSeconds: number }
  | { readonly kind: "throttled" };

/**
 * Invokes a function synchronously. `functionName` is the physical name (`shop-order-local`); `event` and
 * a returned payload are JSON values. Never rejects: a failure is an outcome.
 *
 * `onRun` is called when the handler begins. A caller's time limit starts then, because an invocation may have to wait for
 * a free place. `waitedMs` tells how long the handler's thread has waited for a processor: a limit does not count it.
 */
export type Invoke = (
  functionName: string,
  event: unknown,
  onRun?: (waitedMs?: () => number) => void,
) => Promise<Outcome>;
