/** The outcome of one Lambda invocation. */
export type Outcome =
  | { readonly kind: "returned"; readonly payload: unknown }
  | { readonly kind: "failed"; readonly errorType: string; readonly errorMessage: string }
  | { readonly kind: "timed-out"; readonly afterSeconds: number }
  | { readonly kind: "throttled" };

/**
 * Invokes a function synchronously. `functionName` is the physical name (`shop-order-local`); `event` and
 * a returned payload are JSON values. `onRun` is called when the handler begins: a caller's time limit counts from then,
 * for an invocation may have to wait for a free place. Never rejects: a failure is an outcome.
 */
export type Invoke = (functionName: string, event: unknown, onRun?: () => void) => Promise<Outcome>;
